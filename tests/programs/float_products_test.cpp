// The environment variable MADX_FLOAT32_PRODUCTS, as a program reads it.
#include <gmock/gmock.h>

#include <cstdlib>

#include "madx/gemm/capability.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace float_products_test {

using testing::HasSubstr;

ProgramResult hidden_states_with(const char* products) {
  ::setenv("MADX_FLOAT32_PRODUCTS", products, /*overwrite=*/1);
  auto result = run_command(tiny_files(), "hidden_states",
                            std::string("--encoder @/encoder --text @/en.txt --output @/hidden_") +
                                products + ".safetensors");
  ::unsetenv("MADX_FLOAT32_PRODUCTS");
  return result;
}

TEST(FloatProducts, AreRefusedByAnUnknownName) {
  const auto result = hidden_states_with("fast");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err,
              HasSubstr("MADX_FLOAT32_PRODUCTS: expected 'vector' or 'matrix', but got 'fast'"));
}

TEST(FloatProducts, AreVectorUnitsWhereAsked) {
  const auto result = hidden_states_with("vector");
  EXPECT_EQ(result.status, 0) << result;
}

TEST(FloatProducts, AreMatrixUnitsWhereThereAreAny) {
  const auto result = hidden_states_with("matrix");
  if (gemm::has_matrix_units()) {
    EXPECT_EQ(result.status, 0) << result;
  } else {
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err, HasSubstr("this processor has no matrix units (AMX)"));
  }
}

}  // namespace float_products_test
}  // namespace madx::apps

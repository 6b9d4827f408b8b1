#include "madx/gemm/capability.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "madx/core/error.h"
#include "madx/gemm/bfloat16.h"
#include "madx/gemm/int8.h"

namespace madx::gemm {
namespace {

constexpr auto kVariable = "MADX_CPU_CAPABILITY";

TEST(Capability, IsNoMoreThanTheVariableSays) {
  const char* const most = std::getenv(kVariable);
  if (most == nullptr) GTEST_SKIP() << kVariable << " is not set";
  for (const auto each : {Capability::kBaseline, Capability::kAvx2, Capability::kAvx512}) {
    if (std::string(most) == name_of(each)) {
      EXPECT_LE(capability(), each);
    }
  }
}

TEST(Capability, DecidesWhetherThereAreMatrixUnits) {
  EXPECT_EQ(has_matrix_units(), capability() == Capability::kAmx);
}

TEST(Capability, DecidesWhatIsMultiplied) {
  EXPECT_EQ(has_int8_products(), capability() >= Capability::kAvx2);
  EXPECT_EQ(has_bfloat16_products(), has_matrix_units() || has_bfloat16_dot_products());
  if (capability() < Capability::kAvx512) {
    EXPECT_FALSE(has_int8_dot_products());
    EXPECT_FALSE(has_bfloat16_dot_products());
  }
}

TEST(CapabilityDeathTest, IsRefusedByAnUnknownName) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        // A process that has chosen keeps its choice, so one of its own.
        ::setenv(kVariable, "sse9", /*overwrite=*/1);
        try {
          capability();
        } catch (const InputError& error) {
          std::fputs(error.what(), stderr);
          std::_Exit(2);
        }
        std::_Exit(0);
      },
      testing::ExitedWithCode(2),
      "MADX_CPU_CAPABILITY: expected 'baseline', 'avx2', 'avx512' or 'amx', but got 'sse9'");
}

}  // namespace
}  // namespace madx::gemm

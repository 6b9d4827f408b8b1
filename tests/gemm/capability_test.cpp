#include "madx/gemm/capability.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "madx/core/error.h"
#include "madx/gemm/bfloat16.h"

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
  EXPECT_EQ(has_bfloat16_products(), capability() == Capability::kAmx);
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

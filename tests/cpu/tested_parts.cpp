// What of the kernels' parts is not inline, and where their tests run: with the kernels.
#include <gtest/gtest.h>

#include "cpu/philox.cpp"
#include "madx/cpu/available.h"

namespace {

/// Where kernels do not run, ops take LibTorch's operations, and there is nothing to test here.
class WithKernels : public testing::Environment {
 public:
  void SetUp() override {
    if (!madx::cpu::available()) GTEST_SKIP() << madx::cpu::why_not_available();
  }
};

const auto* const with_kernels = testing::AddGlobalTestEnvironment(new WithKernels);

}  // namespace

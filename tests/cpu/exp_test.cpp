#include "cpu/exp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace madx::cpu {
namespace {

/// Distance in units of the last place of the exact value as a float.
double ulps(float value, double exact) {
  const float rounded = static_cast<float>(exact);
  const double ulp = std::nextafter(rounded, std::numeric_limits<float>::infinity()) - rounded;
  return std::abs(value - exact) / ulp;
}

TEST(FastExp, IsWithinTwoUlps) {
  double worst = 0;
  for (int i = -87 * 4096; i <= 88 * 4096; ++i) {
    const float x = static_cast<float>(i) / 4096 * (1 - 1e-7f);
    worst = std::max(worst, ulps(fast_exp(x), std::exp(static_cast<double>(x))));
  }
  EXPECT_LE(worst, 2);
}

TEST(FastExp, IsExactAtZero) { EXPECT_EQ(fast_exp(0.0f), 1.0f); }

TEST(FastExp, IsZeroBelowItsRange) {
  EXPECT_EQ(fast_exp(-87.001f), 0.0f);
  EXPECT_EQ(fast_exp(-1e30f), 0.0f);
  EXPECT_EQ(fast_exp(-std::numeric_limits<float>::infinity()), 0.0f);
}

TEST(FastExp, KeepsNotANumber) {
  EXPECT_TRUE(std::isnan(fast_exp(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace madx::cpu

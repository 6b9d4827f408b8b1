#include "cpu/exp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/gelu.h"
#include "gemm/tested.h"

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

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(FastExp, KeepsNotANumber) {
  EXPECT_TRUE(std::isnan(fast_exp(kNaN)));
  EXPECT_TRUE(std::isnan(fast_exp(-kNaN)));
  std::vector<float> x(37, kNaN);  // as vector code, too
#pragma omp simd
  for (size_t i = 0; i < x.size(); ++i) x[i] = fast_exp(x[i]);
  for (const float y : x) EXPECT_TRUE(std::isnan(y));
}

TEST(FastExp, IsInfiniteAboveItsRange) {
  EXPECT_EQ(fast_exp(kInfinity), kInfinity);
  EXPECT_EQ(fast_exp(88.01f), kInfinity);
  EXPECT_EQ(fast_exp(std::numeric_limits<float>::max()), kInfinity);
}

TEST(FastExp, IsOneAtDenormals) {
  for (const float x : {1e-40f, -1e-40f, std::numeric_limits<float>::denorm_min(), -0.0f})
    EXPECT_EQ(fast_exp(x), 1.0f);
}

TEST(Gelu, TakesWhatIsNoFiniteNumberAsErfDoes) {
  for (const float x : {kNaN, kInfinity, -kInfinity, 1e30f, -1e30f, 1e-40f, -1e-40f, 0.0f, -0.0f}) {
    const float exact = x * 0.5f * (1 + std::erf(x * 0.70710678f));
    const float ours = gelu(x);
    EXPECT_EQ(std::isnan(ours), std::isnan(exact)) << x;
    if (!std::isnan(exact)) {
      if (std::isinf(exact)) {
        EXPECT_EQ(ours, exact) << x;
      } else {
        EXPECT_LE(std::abs(ours - exact), 1e-6 * std::max(1.0f, std::abs(x))) << x;
      }
    }
  }
}

TEST(Gelu, HasAFiniteSlopeAtEveryFiniteNumber) {
  EXPECT_TRUE(std::isnan(gelu_slope(kNaN)));
  EXPECT_EQ(gelu_slope(1e30f), 1.0f);
  EXPECT_EQ(gelu_slope(-1e30f), 0.0f);
  EXPECT_NEAR(gelu_slope(1e-40f), 0.5f, 1e-6f);
}

}  // namespace
}  // namespace madx::cpu

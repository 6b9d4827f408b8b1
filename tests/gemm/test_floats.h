#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace madx::gemm {

using Floats = std::vector<float>;
constexpr float kCanary = 12345;

inline Floats random_floats(int64_t size, double scale, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  Floats values(static_cast<size_t>(size));
  for (auto& value : values) value = static_cast<float>(normal(generator));
  return values;
}

/// `size` floats for a kernel to write, and a canary behind them.
inline Floats guarded(int64_t size) {
  Floats buffer(static_cast<size_t>(size) + 1);
  buffer.back() = kCanary;
  return buffer;
}

/// `ours` is guarded(); the tolerance is relative to numbers above 1.
inline void expect_near(const Floats& ours, const Floats& expected, double tolerance) {
  ASSERT_EQ(ours.size(), expected.size() + 1);
  EXPECT_EQ(ours.back(), kCanary);
  double size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(ours[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << i;
    size += std::abs(ours[i]);
  }
  EXPECT_GT(size, 0);
}

}  // namespace madx::gemm

#pragma once

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

}  // namespace madx::gemm

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace madx::cpu::MADX_CAPABILITY {

/// The sum over the `size` numbers x of what `add(sum, x)` adds to a sum. Four vectors of sums at
/// once: one would wait for itself at each step. `add` takes references to vectors or to numbers.
template <class Add>
inline float sum_of(const float* x, int64_t size, Add&& add) {
  typedef float Lanes __attribute__((vector_size(64)));
  constexpr int64_t kLanes = 16, kSums = 4;
  Lanes sums[kSums] = {};
  const auto whole = size / (kSums * kLanes) * (kSums * kLanes);
  for (int64_t i = 0; i < whole; i += kSums * kLanes) {
    for (int64_t j = 0; j < kSums; ++j) {
      Lanes numbers;
      std::memcpy(&numbers, x + i + j * kLanes, sizeof numbers);
      add(sums[j], numbers);
    }
  }
  float lanes[kLanes], sum = 0;
  const Lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  std::memcpy(lanes, &all, sizeof lanes);
#pragma omp simd reduction(+ : sum)
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  for (auto i = whole; i < size; ++i) add(sum, x[i]);
  return sum;
}

/// A frozen LayerNorm over rows of `size` elements (Ba et al. 2016).
struct LayerNorm {
  const float* weight;
  const float* bias;
  float eps;
  int64_t size;

  struct Statistics {
    float mean;
    float scale;  ///< 1 / sqrt(variance + eps)
  };

  /// Of the row x, in two passes over it.
  Statistics statistics(const float* x) const {
    const float mean =
        sum_of(x, size, [](auto& sum, const auto& n) { sum += n; }) / static_cast<float>(size);
    const float squares =
        sum_of(x, size, [mean](auto& sum, const auto& n) { sum += (n - mean) * (n - mean); });
    return {mean, 1.0f / std::sqrt(squares / static_cast<float>(size) + eps)};
  }

  /// y = LN(x); y may be x.
  void forward(const float* x, float* y) const {
    const auto stats = statistics(x);
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) y[i] = normalised(x[i], i, stats);
  }

  /// LN(x) at place i.
  float normalised(float x, int64_t i, const Statistics& stats) const {
    return (x - stats.mean) * stats.scale * weight[i] + bias[i];
  }

  /// The gradient by x of the row, from dy, the one by LN(x):
  ///   dx = scale (dn - mean(dn) - n mean(dn n)),  n = (x - mean) scale,  dn = dy weight
  /// dx may be dy.
  void backward(const float* x, const float* dy, float* dx) const {
    const auto stats = statistics(x);
    const float mean = stats.mean, scale = stats.scale;
    float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
    for (int64_t i = 0; i < size; ++i) {
      const float dn = dy[i] * weight[i];
      sum += dn;
      product += dn * (x[i] - mean);
    }
    const float mean_dn = sum / static_cast<float>(size);
    const float slope = product * scale * scale / static_cast<float>(size);
#pragma omp simd
    for (int64_t i = 0; i < size; ++i)
      dx[i] = scale * (dy[i] * weight[i] - mean_dn - (x[i] - mean) * slope);
  }
};

}  // namespace madx::cpu::MADX_CAPABILITY

#pragma once

#include <cmath>
#include <cstdint>

namespace madx::cpu {

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
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < size; ++i) sum += x[i];
    const float mean = sum / static_cast<float>(size);
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < size; ++i) squares += (x[i] - mean) * (x[i] - mean);
    return {mean, 1.0f / std::sqrt(squares / static_cast<float>(size) + eps)};
  }

  /// y = LN(x); y may be x.
  void forward(const float* x, float* y) const {
    const auto stats = statistics(x);
    const float mean = stats.mean, scale = stats.scale;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
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

}  // namespace madx::cpu

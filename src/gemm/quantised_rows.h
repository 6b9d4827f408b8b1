#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gemm/scratch.h"
#include "madx/gemm/int8.h"

namespace madx::gemm::MADX_CAPABILITY {

/// A left operand A (rows, k) in 8 bits: A[i][j] ~ scale[i] (q[i][j] - zero[i]), q in [0, 255].
/// Each row has a scale and a zero of its own, from its smallest and its largest element, so that a
/// row that is mostly positive, as gelu leaves it, loses no half of the range.
class QuantisedRows {
 public:
  QuantisedRows(int64_t most_rows, int64_t most_k)
      : stride_((most_k + kStep - 1) / kStep * kStep),
        memory_(static_cast<size_t>((most_rows + kRows - 1) / kRows * kRows * stride_)),
        scales_(static_cast<size_t>(most_rows)),
        zeros_(static_cast<size_t>(most_rows)),
        row_(static_cast<size_t>(most_k)),
        ones_(static_cast<size_t>(most_k), 1) {}

  /// Row `to` is x, of k elements, but for the `exact` columns, which count as 0. A row with
  /// something that is no finite number has NaN for its scale; one whose scale is below 2^-126 is
  /// all zeros.
  void load(int64_t to, const float* x, int64_t k, const int32_t* exact = nullptr,
            int64_t exact_count = 0) {
    if (exact_count > 0) {
      std::copy_n(x, k, row_.data());
      for (int64_t i = 0; i < exact_count; ++i) row_[static_cast<size_t>(exact[i])] = 0;
      x = row_.data();
    }
    float least = 0, most = 0, poison = 0;  // std::min and std::max would not be vector code
#pragma omp simd reduction(min : least) reduction(max : most) reduction(+ : poison)
    for (int64_t i = 0; i < k; ++i) {
      const float value = x[i];
      least = value < least ? value : least;
      most = value > most ? value : most;
      poison += value * 0.0f;
    }
    constexpr float kSteps = 255;
    const float scale = (most - least) / kSteps;
    const bool has_steps = std::isnormal(scale);  // 1 / scale is a number
    const float steps = has_steps ? 1 / scale : 0.0f;
    const float zero = has_steps ? std::nearbyint(-least * steps) : 0.0f;
    uint8_t* const q = data() + to * stride_;
    const float middle = zero + 0.5f;
#pragma omp simd
    for (int64_t i = 0; i < k; ++i) {
      const float place = x[i] * steps + middle;
      const float above = place > 0 ? place : 0.0f;
      q[i] = static_cast<uint8_t>(static_cast<int32_t>(above < kSteps ? above : kSteps));
    }
    scales_[static_cast<size_t>(to)] = scale + poison;
    zeros_[static_cast<size_t>(to)] = static_cast<int32_t>(zero);
  }
  void load(const float* x, int64_t x_stride, int64_t rows, int64_t k,
            const int32_t* exact = nullptr, int64_t exact_count = 0) {
    for (int64_t row = 0; row < rows; ++row) load(row, x + row * x_stride, k, exact, exact_count);
  }

  int64_t stride() const { return stride_; }
  const uint8_t* row(int64_t index) const {
    return static_cast<const uint8_t*>(memory_.get()) + index * stride_;
  }
  /// A row of ones, whose products are the sums of B's columns.
  const uint8_t* ones() const { return ones_.data(); }
  float scale(int64_t row) const { return scales_[static_cast<size_t>(row)]; }
  int32_t zero(int64_t row) const { return zeros_[static_cast<size_t>(row)]; }

 private:
  /// Matrix units read 16 rows of 64 bytes; what is beyond the rows and columns of A counts for
  /// nothing.
  static constexpr int64_t kRows = 16, kStep = 64;

  uint8_t* data() { return static_cast<uint8_t*>(memory_.get()); }

  int64_t stride_;
  ScratchMemory memory_;
  std::vector<float> scales_;
  std::vector<int32_t> zeros_;
  std::vector<float> row_;
  std::vector<uint8_t> ones_;
};

}  // namespace madx::gemm::MADX_CAPABILITY

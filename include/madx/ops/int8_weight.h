#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "madx/cpu/int8.h"
#include "madx/ops/kernel_weight.h"

namespace madx::ops {

/// The columns of a LayerNorm's result that are far larger than the others, by its weight and bias
/// (both (hidden)), ascending: BERT-like encoders have a few, the same for every row (Kovaleva et
/// al. 2021), and a row's range in 8 bits would go to them. A column is taken where
/// |bias| + 3 |weight| is twice the median; of many, the largest hidden / 32.
std::vector<int32_t> large_columns(const at::Tensor& weight, const at::Tensor& bias);

/// A frozen weight in int8 (madx/cpu/int8.h), each output with a scale of its own. Rows are
/// quantised as they come, each with its range; sums are exact. Some columns of x may be left out
/// of that, and are multiplied in float32.
class Int8Weight final : public KernelWeight<Int8Weight> {
 public:
  /// Quantises `weight`, of any floating type; `exact` are columns of it, ascending, none twice.
  /// Throws c10::Error for a shape that is no multiple of 16 or above kInt8MostInputs.
  explicit Int8Weight(const at::Tensor& weight, std::vector<int32_t> exact = {});

  int64_t granule() const override;
  bool has_exact_columns() const override { return !exact_.empty(); }
  const char* why_not_here() const override;
  at::Tensor unpacked() const override;

 private:
  friend class KernelWeight<Int8Weight>;

  struct Quantised {
    at::Tensor panels;  // int8
    at::Tensor scales;  // float32
  };

  static Quantised quantised(const at::Tensor& matrix, const std::vector<int32_t>& exact);
  /// Of a matrix with k rows.
  static cpu::Int8Matrix matrix_of(const Quantised& from, int64_t k);
  at::Tensor exact_columns() const;
  /// From what the forward pass multiplies by, of which this is the gradient.
  const Quantised& backward_matrix() const;
  static cpu::FrozenInt8 layer(const PackedPart& part, bool backward);

  std::vector<int32_t> exact_;
  at::Tensor exact_weights_;  // (exact, out)
  Quantised forward_;
  mutable Quantised backward_;
  mutable std::once_flag backward_made_;
};

}  // namespace madx::ops

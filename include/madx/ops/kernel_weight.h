#pragma once

#include "madx/cpu/bfloat16.h"
#include "madx/cpu/int8.h"
#include "madx/ops/packed_weight.h"

namespace madx::ops {

/// A PackedWeight whose class, `Weight`, has `layer(part, backward)`: what the functions of
/// madx/cpu take for a linear layer, with the copy for the backward pass where that is wanted.
template <class Weight>
class KernelWeight : public PackedWeight {
 public:
  /// As PackedWeight says.
  void forward(const PackedPart& part, const float* x, int64_t rows, int threads,
               float* y) const override {
    cpu::frozen_linear_forward(Weight::layer(part, /*backward=*/false), x, rows, threads, y);
  }
  /// As PackedWeight says.
  void backward(const PackedPart& part, const float* y_gradient, int64_t rows, int threads,
                float* x_gradient) const override {
    cpu::frozen_linear_backward(Weight::layer(part, /*backward=*/true), y_gradient, rows, threads,
                                x_gradient);
  }
  /// As PackedWeight says.
  void feed_forward(const PackedPart& first, const PackedPart& second, const float* x, int64_t rows,
                    int threads, cpu::Bfloat16* kept, float* y) const override {
    cpu::feed_forward_forward({Weight::layer(first, false), Weight::layer(second, false)}, x, rows,
                              threads, kept, y);
  }
  /// As PackedWeight says.
  void feed_forward_backward(const PackedPart& first, const PackedPart& second,
                             const cpu::Bfloat16* kept, const float* y_gradient, int64_t rows,
                             int threads, float* x_gradient) const override {
    cpu::feed_forward_backward({Weight::layer(first, true), Weight::layer(second, true)}, kept,
                               y_gradient, rows, threads, x_gradient);
  }

 protected:
  using PackedWeight::PackedWeight;
};

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "madx/cpu/bfloat16.h"

namespace madx::ops {

class PackedWeight;

/// Outputs [first, first + out) of a packed weight, and their bias.
struct PackedPart {
  std::shared_ptr<const PackedWeight> weight;  ///< of which this is a part
  at::Tensor bias;                             ///< (out) float32
  int64_t first = 0;                           ///< first output

  int64_t out() const { return bias.size(0); }  ///< outputs of this part
};

/// A frozen weight (out, in) in a narrower type than float32, in the order in which a kernel of
/// madx/cpu reads it: a copy for the forward pass, and one for the backward pass from the first
/// time on that there is one. Rows of activations are dense float32.
class PackedWeight {
 public:
  virtual ~PackedWeight() = default;

  int64_t out() const { return out_; }  ///< outputs of the whole weight
  int64_t in() const { return in_; }    ///< inputs

  /// Parts begin and end at multiples of this.
  virtual int64_t granule() const = 0;
  /// Whether some columns are multiplied in float32: the second layer of a feed-forward block has
  /// none.
  virtual bool has_exact_columns() const { return false; }
  /// Why this processor cannot multiply by it: a clause for a message; nullptr where it can.
  virtual const char* why_not_here() const = 0;
  /// The weight as it was rounded: (out, in).
  virtual at::Tensor unpacked() const = 0;

  /// y (rows, part.out()) = x (rows, in) W^T + b, of a part of this weight.
  virtual void forward(const PackedPart& part, const float* x, int64_t rows, int threads,
                       float* y) const = 0;
  /// x_gradient (rows, in) = y_gradient (rows, part.out()) W.
  virtual void backward(const PackedPart& part, const float* y_gradient, int64_t rows, int threads,
                        float* x_gradient) const = 0;
  /// y = gelu(x W_1^T + b_1) W_2^T + b_2, where this weight is W_1 and second.weight, W_2, is of
  /// the same class. `kept` (rows, first.out()), or null, is for feed_forward_backward.
  virtual void feed_forward(const PackedPart& first, const PackedPart& second, const float* x,
                            int64_t rows, int threads, cpu::Bfloat16* kept, float* y) const = 0;
  /// x_gradient (rows, in) from y_gradient (rows, second.out()) and what feed_forward kept.
  virtual void feed_forward_backward(const PackedPart& first, const PackedPart& second,
                                     const cpu::Bfloat16* kept, const float* y_gradient,
                                     int64_t rows, int threads, float* x_gradient) const = 0;

 protected:
  /// For a derived class: `weight` (out, in) gives the sizes.
  explicit PackedWeight(const at::Tensor& weight) : out_(weight.size(0)), in_(weight.size(1)) {}

 private:
  int64_t out_, in_;
};

}  // namespace madx::ops

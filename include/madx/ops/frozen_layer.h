#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "madx/ops/packed_weight.h"

namespace madx::ops {

/// How frozen weights are kept: as they are; rounded to bfloat16, for a GPU; rounded and packed,
/// for a CPU's matrix units; or quantised to int8 and packed, for a CPU.
enum class WeightForm { kFloat32, kBfloat16, kPackedBfloat16, kInt8 };

/// Weight and bias of a linear layer of the encoder, which as a rule takes no gradient. The weight
/// is a tensor, perhaps of bfloat16 beside a bias of float32, or it is packed.
struct FrozenLinear {
  at::Tensor weight;  ///< (out, in); undefined where it is packed
  at::Tensor bias;    ///< (out)
  std::shared_ptr<const PackedWeight> packed = nullptr;  ///< has outputs [first, first + out)
  int64_t first = 0;  ///< first output of this part of a packed weight
  /// Whether a weight of float32 and its rows are rounded to bfloat16 as they meet, in the forward
  /// pass and in the backward pass: for weights that learn.
  bool rounds = false;

  int64_t in() const { return packed ? packed->in() : weight.size(1); }  ///< size of its input
  int64_t out() const { return bias.size(0); }                           ///< size of its output

  /// Outputs [begin, begin + count) of the layer; of a packed one, multiples of its granule.
  FrozenLinear narrow(int64_t begin, int64_t count) const;

  /// The weight as a matrix (out, in); where it is packed, as it was rounded.
  at::Tensor matrix() const;
};

}  // namespace madx::ops

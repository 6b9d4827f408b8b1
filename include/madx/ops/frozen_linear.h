#pragma once

#include <ATen/ATen.h>

#include "madx/ops/frozen_layer.h"

namespace madx::ops {

/// x W^T + b: x (rows, in) -> (rows, out). Of a frozen weight nothing is kept for the backward
/// pass. With a packed weight, x is rounded or quantised as its class says
/// (madx/ops/packed_weight.h); with one that is a tensor of bfloat16, x is of bfloat16, too. Throws
/// c10::Error where shapes or types disagree.
at::Tensor frozen_linear(const at::Tensor& x, const FrozenLinear& layer);

/// A Transformer's feed-forward block with exact gelu: gelu(x W_1^T + b_1) W_2^T + b_2,
/// x (rows, hidden) -> (rows, hidden). With packed weights, both of one class, x and the inner
/// units are rounded or quantised. Throws c10::Error where shapes or types disagree.
at::Tensor feed_forward(const at::Tensor& x, const FrozenLinear& first, const FrozenLinear& second);

}  // namespace madx::ops

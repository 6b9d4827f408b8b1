#pragma once

#include <ATen/ATen.h>

#include "madx/ops/cpu_kernel.h"
#include "madx/ops/frozen_layer.h"
#include "madx/ops/frozen_linear_cpu.h"
#include "madx/ops/packed_layers.h"
#include "madx/ops/rounded_linear.h"
#include "madx/ops/schema.h"

namespace madx::ops {

namespace detail {

/// madx::frozen_linear: a weight that is a tensor.
inline at::Tensor frozen_linear_op(const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& bias) {
  const FrozenLinear layer{weight, bias};
  check_rows_of("frozen_linear", x, layer);
  check_layer("frozen_linear", x.size(-1), layer);
  if (x.dim() == 2 && takes_cpu_kernel({x}) && is_frozen_on_cpu(layer))
    return CpuFrozenLinear::apply(x.contiguous(), weight, bias);
  return at::linear(x, weight, bias.to(weight.scalar_type()));
}

}  // namespace detail

/// x W^T + b: x (rows, in) -> (rows, out). Of a frozen weight nothing is kept for the backward
/// pass. With a packed weight, x is rounded or quantised as its class says
/// (madx/ops/packed_weight.h); with one that is a tensor of bfloat16, x is of bfloat16, too. Throws
/// c10::Error where shapes or types disagree.
inline at::Tensor frozen_linear(const at::Tensor& x, const FrozenLinear& layer) {
  detail::check_rows_of("frozen_linear", x, layer);  // the dispatcher wants tensors that are there
  if (layer.packed) {
    detail::check_layer("frozen_linear", x.size(-1), layer);
    detail::check_rows("frozen_linear", x, layer);
    return detail::PackedLinear::apply(x.contiguous(), layer);
  }
  if (layer.rounds) return detail::rounded_linear("frozen_linear", x, layer);
  static const auto op =
      detail::operator_handle<decltype(detail::frozen_linear_op)>("madx::frozen_linear");
  return op.call(x, layer.weight, layer.bias);
}

/// A Transformer's feed-forward block with exact gelu: gelu(x W_1^T + b_1) W_2^T + b_2,
/// x (rows, hidden) -> (rows, hidden). With packed weights, both of one class, x and the inner
/// units are rounded or quantised. Throws c10::Error where shapes or types disagree.
inline at::Tensor feed_forward(const at::Tensor& x, const FrozenLinear& first,
                               const FrozenLinear& second) {
  detail::check_rows_of("feed_forward", x, first);
  detail::check_rows_of("feed_forward", x, second);
  detail::check_layer("feed_forward", x.size(-1), first);
  detail::check_layer("feed_forward", first.out(), second);
  const bool with_gradient = wants_gradient(x);
  if (first.packed && second.packed) {
    detail::check_rows("feed_forward", x, first);
    return detail::PackedFeedForward::apply(x.contiguous(), first, second, with_gradient);
  }
  if (x.dim() == 2 && takes_cpu_kernel({x}) && !first.rounds && !second.rounds &&
      detail::is_frozen_on_cpu(first) && detail::is_frozen_on_cpu(second)) {
    return detail::CpuFeedForward::apply(x.contiguous(), first.weight, first.bias, second.weight,
                                         second.bias, with_gradient);
  }
  return frozen_linear(at::gelu(frozen_linear(x, first)), second);
}

}  // namespace madx::ops

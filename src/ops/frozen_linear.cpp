#include "madx/ops/frozen_linear.h"

#include "ops/cpu_kernel.h"
#include "ops/frozen_layer.h"
#include "ops/frozen_linear_cpu.h"
#include "ops/packed_layers.h"
#include "ops/rounded_linear.h"
#include "ops/schema.h"

namespace madx::ops {

namespace detail {

at::Tensor frozen_linear_op(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const FrozenLinear layer{weight, bias};
  check_weight("frozen_linear", x, layer);
  check_layer("frozen_linear", x.size(-1), layer);
  if (x.dim() == 2 && takes_cpu_kernel({x}) && is_frozen_on_cpu(layer))
    return frozen_linear_cpu(x.contiguous(), weight, bias);
  return at::linear(x, weight, bias.to(weight.scalar_type()));
}

}  // namespace detail

at::Tensor frozen_linear(const at::Tensor& x, const FrozenLinear& layer) {
  detail::check_weight("frozen_linear", x, layer);  // the dispatcher wants tensors that are there
  if (layer.packed) {
    detail::check_layer("frozen_linear", x.size(-1), layer);
    detail::check_packed_rows("frozen_linear", x, layer);
    return detail::packed_linear(x.contiguous(), layer);
  }
  if (layer.rounds) return detail::rounded_linear("frozen_linear", x, layer);
  static const auto op =
      detail::operator_handle<decltype(detail::frozen_linear_op)>("madx::frozen_linear");
  return op.call(x, layer.weight, layer.bias);
}

at::Tensor feed_forward(const at::Tensor& x, const FrozenLinear& first,
                        const FrozenLinear& second) {
  detail::check_weight("feed_forward", x, first);
  detail::check_weight("feed_forward", x, second);
  detail::check_layer("feed_forward", x.size(-1), first);
  detail::check_layer("feed_forward", first.out(), second);
  if (first.packed && second.packed) {
    detail::check_packed_rows("feed_forward", x, first);
    return detail::packed_feed_forward(x.contiguous(), first, second);
  }
  if (x.dim() == 2 && takes_cpu_kernel({x}) && !first.rounds && !second.rounds &&
      detail::is_frozen_on_cpu(first) && detail::is_frozen_on_cpu(second)) {
    return detail::feed_forward_cpu(x.contiguous(), first, second);
  }
  return frozen_linear(at::gelu(frozen_linear(x, first)), second);
}

}  // namespace madx::ops

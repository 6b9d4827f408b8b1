#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "madx/cpu/frozen_linear.h"
#include "madx/ops/bfloat16_layers.h"
#include "madx/ops/cpu_kernel.h"
#include "madx/ops/frozen_layer.h"
#include "madx/ops/once_differentiable.h"
#include "madx/ops/schema.h"

namespace madx::ops {

namespace detail {

inline bool is_frozen_on_cpu(const FrozenLinear& layer) {
  return !layer.packed && !wants_gradient(layer.weight) && !wants_gradient(layer.bias) &&
         layer.weight.is_contiguous() && ops::takes_cpu_kernel({layer.weight, layer.bias});
}

inline cpu::FrozenWeight cpu_weight(const at::Tensor& weight, const at::Tensor& bias) {
  return {weight.const_data_ptr<float>(), bias.const_data_ptr<float>(), weight.size(1),
          weight.size(0)};
}

struct CpuFrozenLinear : torch::autograd::Function<CpuFrozenLinear> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    auto y = at::empty({x.size(0), weight.size(0)}, x.options());
    cpu::frozen_linear_forward(cpu_weight(weight, bias), x.const_data_ptr<float>(), x.size(0),
                               at::get_num_threads(), y.data_ptr<float>());
    ctx->save_for_backward({weight, bias});
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("frozen_linear");
    const auto saved = ctx->get_saved_variables();
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), saved[0].size(1)}, y_gradient.options());
    cpu::frozen_linear_backward(cpu_weight(saved[0], saved[1]), y_gradient.const_data_ptr<float>(),
                                y_gradient.size(0), at::get_num_threads(),
                                x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor(), at::Tensor()};
  }
};

struct CpuFeedForward : torch::autograd::Function<CpuFeedForward> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& first_weight,
                            const at::Tensor& first_bias, const at::Tensor& second_weight,
                            const at::Tensor& second_bias, bool with_gradient) {
    const cpu::FeedForward layers{cpu_weight(first_weight, first_bias),
                                  cpu_weight(second_weight, second_bias)};
    const int threads = at::get_num_threads();
    at::Tensor kept;
    if (with_gradient)
      kept = at::empty({cpu::feed_forward_kept(layers, x.size(0), threads)}, x.options());
    auto y = at::empty({x.size(0), second_weight.size(0)}, x.options());
    cpu::feed_forward_forward(layers, x.const_data_ptr<float>(), x.size(0), threads,
                              with_gradient ? kept.data_ptr<float>() : nullptr,
                              y.data_ptr<float>());
    ctx->save_for_backward({first_weight, first_bias, second_weight, second_bias, kept});
    ctx->saved_data["threads"] = static_cast<int64_t>(threads);
    return y;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("feed_forward");
    const auto saved = ctx->get_saved_variables();
    const auto y_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty({y_gradient.size(0), saved[0].size(1)}, y_gradient.options());
    cpu::feed_forward_backward(
        {cpu_weight(saved[0], saved[1]), cpu_weight(saved[2], saved[3])},
        saved[4].const_data_ptr<float>(), y_gradient.const_data_ptr<float>(), y_gradient.size(0),
        static_cast<int>(ctx->saved_data["threads"].toInt()), x_gradient.data_ptr<float>());
    return {x_gradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

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
/// pass. With a packed weight, x is rounded to bfloat16 and products sum in float32; with one that
/// is a tensor of bfloat16, x is of bfloat16, too. Throws c10::Error where shapes or types
/// disagree.
inline at::Tensor frozen_linear(const at::Tensor& x, const FrozenLinear& layer) {
  detail::check_rows_of("frozen_linear", x, layer);  // the dispatcher wants tensors that are there
  if (layer.packed) {
    detail::check_layer("frozen_linear", x.size(-1), layer);
    detail::check_rows("frozen_linear", x);
    return detail::Bfloat16Linear::apply(x.contiguous(), layer);
  }
  static const auto op =
      detail::operator_handle<decltype(detail::frozen_linear_op)>("madx::frozen_linear");
  return op.call(x, layer.weight, layer.bias);
}

/// A Transformer's feed-forward block with exact gelu: gelu(x W_1^T + b_1) W_2^T + b_2,
/// x (rows, hidden) -> (rows, hidden). With packed weights, x and the inner units are rounded to
/// bfloat16 and products sum in float32.
inline at::Tensor feed_forward(const at::Tensor& x, const FrozenLinear& first,
                               const FrozenLinear& second) {
  detail::check_rows_of("feed_forward", x, first);
  detail::check_rows_of("feed_forward", x, second);
  detail::check_layer("feed_forward", x.size(-1), first);
  detail::check_layer("feed_forward", first.out(), second);
  const bool with_gradient = wants_gradient(x);
  if (first.packed && second.packed) {
    detail::check_rows("feed_forward", x);
    return detail::Bfloat16FeedForward::apply(x.contiguous(), first, second, with_gradient);
  }
  if (x.dim() == 2 && takes_cpu_kernel({x}) && detail::is_frozen_on_cpu(first) &&
      detail::is_frozen_on_cpu(second)) {
    return detail::CpuFeedForward::apply(x.contiguous(), first.weight, first.bias, second.weight,
                                         second.bias, with_gradient);
  }
  return frozen_linear(at::gelu(frozen_linear(x, first)), second);
}

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <string_view>

namespace madx::ops {

namespace detail {

/// oneDNN's linear inside LibTorch, or nothing in a LibTorch built without oneDNN.
inline const std::optional<c10::OperatorHandle>& onednn_linear() {
  static const auto found =
      c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  return found;
}

/// x W^T + b without autograd. For float32 on a CPU by oneDNN: on XLM-R's shapes it runs at 1.1
/// to 1.5 times the rate of the MKL that at::linear calls (docs/performance.md). x (rows, in),
/// weight (out, in) of any strides, bias (out) or undefined -> (rows, out)
inline at::Tensor product(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias = {}) {
  const bool fits =
      x.device().is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0 && weight.size(0) > 1;
  if (!fits || !onednn_linear()) return at::linear(x, weight, bias);
  using Signature = at::Tensor(
      const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
      c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto linear = onednn_linear()->typed<Signature>();
  return linear.call(x.contiguous(), weight,
                     bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt, "none",
                     c10::List<std::optional<at::Scalar>>(), "");
}

/// A linear layer whose weight is frozen: the input gets a gradient, and is not kept for one of the
/// weight.
struct FrozenLinear : torch::autograd::Function<FrozenLinear> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias) {
    ctx->save_for_backward({weight});
    return product(x, weight, bias);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list outputs) {
    const auto weight = ctx->get_saved_variables()[0];
    return {product(outputs[0], weight.t()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace detail

/// x W^T + b. A weight that requires a gradient (full fine-tuning) takes LibTorch's own linear.
/// x (rows, in), weight (out, in), bias (out) -> (rows, out)
inline at::Tensor frozen_linear(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias) {
  if (weight.requires_grad() || bias.requires_grad()) return at::linear(x, weight, bias);
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return detail::product(x, weight, bias);
  return detail::FrozenLinear::apply(x, weight, bias);
}

}  // namespace madx::ops

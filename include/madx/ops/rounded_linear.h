#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "madx/ops/frozen_layer.h"
#include "madx/ops/once_differentiable.h"

// Linear layers whose weights of float32 learn by products of bfloat16.
namespace madx::ops::detail {

/// x W^T + b with x, W and, in the backward pass, the gradient rounded to bfloat16; products sum in
/// float32 and are rounded once, bias and gradients are of float32. Mixed precision as in
/// Micikevicius et al. 2018, without their scaling of the loss, for bfloat16 has float32's range.
struct RoundedLinear : torch::autograd::Function<RoundedLinear> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    const auto rounded = x.to(at::kBFloat16);
    ctx->save_for_backward({rounded, weight});
    return at::linear(rounded, weight.to(at::kBFloat16)).to(at::kFloat).add_(bias);
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("frozen_linear");
    const auto saved = ctx->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto gradient = outputs[0].to(at::kBFloat16);
    torch::autograd::variable_list gradients(3);
    if (ctx->needs_input_grad(0))
      gradients[0] = at::matmul(gradient, weight.to(at::kBFloat16)).to(at::kFloat);
    if (ctx->needs_input_grad(1)) gradients[1] = at::matmul(gradient.t(), x).to(at::kFloat);
    if (ctx->needs_input_grad(2)) gradients[2] = outputs[0].sum(0);
    return gradients;
  }
};

inline at::Tensor rounded_linear(const char* op, const at::Tensor& x, const FrozenLinear& layer) {
  check_layer(op, x.size(-1), layer);
  TORCH_CHECK(x.dim() == 2, op, ": beside a weight that is rounded, expected rows, but got ",
              x.sizes());
  return RoundedLinear::apply(x, layer.weight, layer.bias);
}

}  // namespace madx::ops::detail

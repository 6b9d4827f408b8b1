#include "ops/rounded_linear.h"

#include <torch/csrc/autograd/custom_function.h>

#include "ops/frozen_layer.h"
#include "ops/once_differentiable.h"

namespace madx::ops::detail {

namespace {

/// x (rows, n) in bfloat16, with rows of zeros up to a multiple of 64: LibTorch's library for these
/// products (oneDNN) keeps code and memory for each of the last 1,024 shapes that it has met, and
/// every batch reads another number of rows.
at::Tensor rounded_rows(const at::Tensor& x) {
  constexpr int64_t kRows = 64;
  const auto rows = (x.size(0) + kRows - 1) / kRows * kRows;
  auto rounded = at::empty({rows, x.size(1)}, x.options().dtype(at::kBFloat16));
  rounded.narrow(0, 0, x.size(0)).copy_(x);
  rounded.narrow(0, x.size(0), rows - x.size(0)).zero_();
  return rounded;
}

/// x W^T + b with x, W and, in the backward pass, the gradient rounded to bfloat16; products sum in
/// float32 and are rounded once, bias and gradients are of float32. Mixed precision as in
/// Micikevicius et al. 2018, without their scaling of the loss, for bfloat16 has float32's range.
struct RoundedLinear : torch::autograd::Function<RoundedLinear> {
  using Context = torch::autograd::AutogradContext;

  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    const auto rounded = rounded_rows(x);
    ctx->save_for_backward({weight.requires_grad() ? rounded : at::Tensor(), weight});
    const auto product = at::linear(rounded, weight.to(at::kBFloat16));
    return product.narrow(0, 0, x.size(0)).to(at::kFloat).add_(bias);
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("frozen_linear");
    const auto saved = ctx->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto gradient = rounded_rows(outputs[0]);
    torch::autograd::variable_list gradients(3);
    if (ctx->needs_input_grad(0)) {
      const auto product = at::matmul(gradient, weight.to(at::kBFloat16));
      gradients[0] = product.narrow(0, 0, outputs[0].size(0)).to(at::kFloat);
    }
    if (ctx->needs_input_grad(1)) gradients[1] = at::matmul(gradient.t(), x).to(at::kFloat);
    if (ctx->needs_input_grad(2)) gradients[2] = outputs[0].sum(0);
    return gradients;
  }
};

}  // namespace

at::Tensor rounded_linear(const char* op, const at::Tensor& x, const FrozenLinear& layer) {
  check_layer(op, x.size(-1), layer);
  TORCH_CHECK(x.dim() == 2, op, ": beside a weight that is rounded, expected rows, but got ",
              x.sizes());
  return RoundedLinear::apply(x, layer.weight, layer.bias);
}

}  // namespace madx::ops::detail

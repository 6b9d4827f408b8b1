#include "madx/ops/linear_cross_entropy.h"

#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "madx/ops/checks.h"
#include "ops/cpu_kernel.h"
#include "ops/linear_cross_entropy_pass.h"
#include "ops/linear_cross_entropy_weight.h"
#include "ops/once_differentiable.h"
#include "ops/schema.h"

namespace madx::ops {

namespace detail {

namespace {

CrossEntropyPass cross_entropy_pass(const at::Tensor& x, const at::Tensor& weight,
                                    const at::Tensor& bias, const at::Tensor& targets,
                                    bool with_gradient) {
  const bool x_gradient = with_gradient && x.requires_grad();
  // Beside the weight's, the backward pass has the bias's for nothing.
  const bool bias_gradient = with_gradient && bias.requires_grad() && !weight.requires_grad();
  if (takes_cpu_kernel({x, bias}) && fits_vocabulary_loss(weight)) {
    return pass_by_cpu_kernel(x.contiguous(), weight.contiguous(), bias.contiguous(),
                              targets.contiguous(), x_gradient, bias_gradient);
  }
  return bias_gradient ? pass_by_rows(x, weight, bias, targets)
                       : pass_by_vocabulary(x, weight, bias, targets, x_gradient);
}

/// Gradients are computed with the loss, when the logits are at hand, and scaled in `backward`;
/// where the weight learns, its own and the bias's are computed there, logits anew.
struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& targets, bool with_gradient) {
    const auto pass = cross_entropy_pass(x, weight, bias, targets, with_gradient);
    torch::autograd::variable_list saved = {pass.gradient, pass.bias_gradient};
    if (with_gradient && weight.requires_grad()) {
      const auto log_sums = pass.losses + target_logits(x, weight, bias, targets);
      saved.insert(saved.end(), {x, weight, bias, targets, log_sums});
    }
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["rows"] = x.size(0);
    return pass.losses.mean();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("linear_cross_entropy");
    const auto saved = ctx->get_saved_variables();
    const auto share = outputs[0] / static_cast<double>(ctx->saved_data["rows"].toInt());
    const auto scaled = [&](const at::Tensor& gradient) {
      return gradient.defined() ? gradient * share : gradient;
    };
    if (saved.size() == 2)
      return {scaled(saved[0]), at::Tensor(), scaled(saved[1]), at::Tensor(), at::Tensor()};
    const auto by = vocabulary_gradients({saved[2], saved[3], saved[4], saved[5], saved[6]}, share);
    return {scaled(saved[0]), by.weight, by.bias, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor linear_cross_entropy_op(const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& bias, const at::Tensor& targets) {
  TORCH_CHECK(
      x.dim() == 2 && x.size(0) > 0,
      "linear_cross_entropy: expected x of shape (rows, hidden) with at least one row, but got ",
      x.sizes());
  TORCH_CHECK(weight.dim() == 2 && weight.size(1) == x.size(1),
              "linear_cross_entropy: expected a weight of shape (vocabulary, ", x.size(1),
              "), but got ", weight.sizes());
  TORCH_CHECK(bias.dim() == 1 && bias.size(0) == weight.size(0),
              "linear_cross_entropy: expected a bias of shape (", weight.size(0), "), but got ",
              bias.sizes());
  TORCH_CHECK(targets.dim() == 1 && targets.size(0) == x.size(0), "linear_cross_entropy: expected ",
              x.size(0), " targets, one a row, but got ", targets.sizes());
  check_kind("linear_cross_entropy", {x, bias});
  check_numbers("linear_cross_entropy", "targets", targets, weight.size(0));
  TORCH_CHECK(targets.device() == x.device() && weight.device() == x.device(),
              "linear_cross_entropy: expected weight and targets on ", x.device(), ", but got ",
              weight.device(), " and ", targets.device());
  TORCH_CHECK(!weight.requires_grad() || weight.scalar_type() == x.scalar_type(),
              "linear_cross_entropy: expected a weight that learns to be of x's type, ",
              x.scalar_type(), ", but got ", weight.scalar_type());
  return LinearCrossEntropy::apply(x, weight, bias, targets, at::GradMode::is_enabled());
}

}  // namespace detail

at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, const at::Tensor& targets) {
  static const auto op = detail::operator_handle<decltype(detail::linear_cross_entropy_op)>(
      "madx::linear_cross_entropy");
  return op.call(x, weight, bias, targets);
}

}  // namespace madx::ops

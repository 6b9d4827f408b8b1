#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "madx/ops/checks.h"
#include "madx/ops/cpu_kernel.h"
#include "madx/ops/linear_cross_entropy_cpu.h"
#include "madx/ops/linear_cross_entropy_weight.h"
#include "madx/ops/once_differentiable.h"
#include "madx/ops/schema.h"

namespace madx::ops {

namespace detail {

/// Rows of x taken at a time where the bias learns too: 64 rows of XLM-R's logits are 64 MB.
constexpr int64_t kRowChunk = 64;

/// Losses and input gradient in one pass over the output embedding, as a running (online) softmax:
/// with the maximum m of the logits seen so far, z = sum exp(l - m) and g = sum exp(l - m) W are
/// kept, and scaled by exp(m_old - m_new) whenever a chunk raises m. At the end d loss / d x = g /
/// z - W[target].
inline CrossEntropyPass pass_by_vocabulary(const at::Tensor& x, const at::Tensor& weight,
                                           const at::Tensor& bias, const at::Tensor& targets,
                                           bool needs_gradient) {
  const auto rows = x.size(0), vocabulary = weight.size(0);
  // Below all finite logits, but not -inf, of which a chunk of logits of -inf would make NaN.
  const double lowest = x.scalar_type() == at::kHalf ? -65504.0 : -3e38;
  auto highest = at::full({rows, 1}, lowest, x.options());
  auto sum = at::zeros({rows, 1}, x.options());
  CrossEntropyPass pass;
  if (needs_gradient) pass.gradient = at::zeros_like(x);
  for (int64_t begin = 0; begin < vocabulary; begin += kVocabularyChunk) {
    const auto size = std::min(kVocabularyChunk, vocabulary - begin);
    const auto part = weight.narrow(0, begin, size).to(x.scalar_type());
    auto logits = at::addmm(bias.narrow(0, begin, size), x, part.t());  // (rows, size)
    const auto raised = at::maximum(highest, logits.amax(/*dim=*/1, /*keepdim=*/true));
    const auto shrink = at::exp(highest - raised);
    const auto shares = logits.sub_(raised).exp_();  // (rows, size)
    sum.mul_(shrink).add_(shares.sum(/*dim=*/1, /*keepdim=*/true));
    if (needs_gradient) pass.gradient.mul_(shrink).addmm_(shares, part);
    highest = raised;
  }
  pass.losses = (highest + sum.log()).squeeze(1) - target_logits(x, weight, bias, targets);
  if (needs_gradient) {
    pass.gradient.div_(sum).sub_(weight.index_select(0, targets).to(x.scalar_type()));
  }
  return pass;
}

/// The same a chunk of rows at a time. The bias's gradient needs every row's final sum; whole rows
/// of logits have it.
inline CrossEntropyPass pass_by_rows(const at::Tensor& x, const at::Tensor& weight,
                                     const at::Tensor& bias, const at::Tensor& targets) {
  CrossEntropyPass pass{at::empty({x.size(0)}, x.options()), at::empty_like(x),
                        at::zeros_like(bias)};
  const auto matrix = weight.to(x.scalar_type());
  for (int64_t begin = 0; begin < x.size(0); begin += kRowChunk) {
    const auto size = std::min(kRowChunk, x.size(0) - begin);
    const auto target = targets.narrow(0, begin, size);                   // (size)
    auto logits = at::addmm(bias, x.narrow(0, begin, size), matrix.t());  // (size, vocabulary)
    const auto highest = logits.amax(/*dim=*/1, /*keepdim=*/true);
    const auto target_logits = logits.gather(1, target.unsqueeze(1));
    auto shares = logits.sub_(highest).exp_();
    const auto sum = shares.sum(/*dim=*/1, /*keepdim=*/true);
    pass.losses.narrow(0, begin, size).copy_((highest + sum.log() - target_logits).squeeze(1));
    shares.div_(sum);
    pass.bias_gradient.add_(shares.sum(/*dim=*/0));
    pass.gradient.narrow(0, begin, size)
        .copy_(at::mm(shares, matrix).sub_(matrix.index_select(0, target)));
  }
  pass.bias_gradient.index_add_(0, targets, at::full(targets.sizes(), -1.0, bias.options()));
  return pass;
}

inline CrossEntropyPass cross_entropy_pass(const at::Tensor& x, const at::Tensor& weight,
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

/// madx::linear_cross_entropy.
inline at::Tensor linear_cross_entropy_op(const at::Tensor& x, const at::Tensor& weight,
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

/// Mean cross-entropy of softmax(x W^T + b) against `targets`, without ever holding more than one
/// chunk of logits. x (rows, hidden), weight (vocabulary, hidden), bias (vocabulary), targets
/// (rows) int64 -> (). Gradients go to x and, if they require one, to bias and weight. Where a
/// frozen weight is of bfloat16, the CPU's kernel rounds x and the probabilities for the products
/// with it, which sum in float32; elsewhere it is taken in x's type, a chunk at a time, or whole
/// where the bias learns. A weight that learns is of x's type, and its gradient, dense, is made in
/// `backward`, of logits that are computed anew, a chunk of the vocabulary at a time. Throws
/// c10::Error when shapes, types or devices disagree, there are no rows, or, on the CPU, a target
/// is no row of the weight.
inline at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                       const at::Tensor& bias, const at::Tensor& targets) {
  static const auto op = detail::operator_handle<decltype(detail::linear_cross_entropy_op)>(
      "madx::linear_cross_entropy");
  return op.call(x, weight, bias, targets);
}

}  // namespace madx::ops

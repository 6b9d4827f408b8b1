#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

namespace madx::ops {

namespace detail {

/// Rows of the output embedding taken at a time: a chunk of logits for a few hundred masked tokens stays in cache.
constexpr int64_t kVocabularyChunk = 4096;

/// The loss and its input gradient in one pass over the output embedding, as a running (online) softmax:
/// with the maximum m of the logits seen so far, z = sum exp(l - m) and g = sum exp(l - m) W are kept, and scaled by
/// exp(m_old - m_new) whenever a chunk raises m. At the end d loss / d x = g / z - W[target].
struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& targets, bool with_gradient) {
    const auto rows = x.size(0), vocabulary = weight.size(0);
    const bool needs_input = with_gradient && x.requires_grad();
    const bool needs_bias = with_gradient && bias.requires_grad();
    auto highest = at::full({rows, 1}, -std::numeric_limits<double>::infinity(), x.options());
    auto sum = at::zeros({rows, 1}, x.options());
    auto gradient = needs_input ? at::zeros_like(x) : at::Tensor();
    for (int64_t begin = 0; begin < vocabulary; begin += kVocabularyChunk) {
      const auto size = std::min(kVocabularyChunk, vocabulary - begin);
      const auto part = weight.narrow(0, begin, size);
      auto logits = at::addmm(bias.narrow(0, begin, size), x, part.t());  // (rows, size)
      const auto raised = at::maximum(highest, logits.amax(/*dim=*/1, /*keepdim=*/true));
      const auto shrink = at::exp(highest - raised);
      const auto weights = logits.sub_(raised).exp_();  // (rows, size)
      sum.mul_(shrink).add_(weights.sum(/*dim=*/1, /*keepdim=*/true));
      if (needs_input) gradient.mul_(shrink).addmm_(weights, part);
      highest = raised;
    }
    const auto log_sum = highest + sum.log();  // (rows, 1)
    const auto target_rows = weight.index_select(0, targets);
    const auto target_logits =
        (x * target_rows).sum(/*dim=*/1, /*keepdim=*/true) + bias.index_select(0, targets).unsqueeze(1);
    if (needs_input) gradient.div_(sum).sub_(target_rows);
    auto bias_gradient = at::Tensor();
    if (needs_bias) bias_gradient = sum_softmax(x, weight, bias, targets, log_sum);
    ctx->save_for_backward({gradient, bias_gradient});
    ctx->saved_data["rows"] = rows;
    return (log_sum - target_logits).mean();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list outputs) {
    const auto saved = ctx->get_saved_variables();
    const auto scale = [&](const at::Tensor& gradient, int64_t rows) {
      return gradient.defined() ? gradient * (outputs[0] / static_cast<double>(rows)) : gradient;
    };
    const auto rows = ctx->saved_data["rows"].toInt();
    return {scale(saved[0], rows), at::Tensor(), scale(saved[1], rows), at::Tensor(), at::Tensor()};
  }

 private:
  /// Sum over rows of (softmax - one-hot): the output bias's gradient. It needs every row's final sum, so a second pass.
  static at::Tensor sum_softmax(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, const at::Tensor& targets,
                                const at::Tensor& log_sum) {
    auto gradient = at::empty_like(bias);
    for (int64_t begin = 0; begin < weight.size(0); begin += kVocabularyChunk) {
      const auto size = std::min(kVocabularyChunk, weight.size(0) - begin);
      auto logits = at::addmm(bias.narrow(0, begin, size), x, weight.narrow(0, begin, size).t());
      gradient.narrow(0, begin, size).copy_(logits.sub_(log_sum).exp_().sum(/*dim=*/0));
    }
    return gradient.index_add_(0, targets, at::full(targets.sizes(), -1.0, bias.options()));
  }
};

}  // namespace detail

/// Mean cross-entropy of softmax(x W^T + b) against `targets`, without ever holding more than one chunk of logits.
/// x (rows, hidden), weight (vocabulary, hidden), bias (vocabulary), targets (rows) int64 -> ().
/// Gradients go to x and, if it requires one, to bias. The weight is the frozen output embedding: it gets none.
/// Throws c10::Error when the weight requires a gradient, shapes disagree or there are no rows.
inline at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                       const at::Tensor& bias, const at::Tensor& targets) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) > 0,
              "linear_cross_entropy: expected x of shape (rows, hidden) with at least one row, but got ",
              x.sizes());
  TORCH_CHECK(weight.dim() == 2 && weight.size(1) == x.size(1),
              "linear_cross_entropy: expected a weight of shape (vocabulary, ", x.size(1), "), but got ",
              weight.sizes());
  TORCH_CHECK(targets.dim() == 1 && targets.size(0) == x.size(0), "linear_cross_entropy: expected ",
              x.size(0), " targets, one a row, but got ", targets.sizes());
  TORCH_CHECK(!weight.requires_grad(),
              "linear_cross_entropy: the weight is the frozen output embedding and gets no gradient; "
              "use torch::nn::functional::cross_entropy to train it");
  return detail::LinearCrossEntropy::apply(x, weight, bias, targets,
                                            at::GradMode::is_enabled());
}

}  // namespace madx::ops

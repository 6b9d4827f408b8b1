#include "ops/linear_cross_entropy_pass.h"

#include <algorithm>

namespace madx::ops::detail {

at::Tensor target_logits(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& targets) {
  return (x * weight.index_select(0, targets).to(x.scalar_type())).sum(/*dim=*/1) +
         bias.index_select(0, targets);
}

CrossEntropyPass pass_by_vocabulary(const at::Tensor& x, const at::Tensor& weight,
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

CrossEntropyPass pass_by_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& targets) {
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

}  // namespace madx::ops::detail

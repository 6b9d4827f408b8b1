#include "ops/linear_cross_entropy_weight.h"

#include <algorithm>

#include "ops/linear_cross_entropy_pass.h"

namespace madx::ops::detail {

VocabularyGradients vocabulary_gradients(const VocabularyLoss& of, const at::Tensor& share) {
  const auto vocabulary = of.weight.size(0);
  const auto shared = of.x * share;                  // (rows, hidden)
  const auto shares = share.expand({of.x.size(0)});  // (rows)
  const auto log_sums = of.log_sums.unsqueeze(1);    // (rows, 1)
  VocabularyGradients by{at::empty(of.weight.sizes(), of.weight.options()),
                         at::empty_like(of.bias)};
  for (int64_t begin = 0; begin < vocabulary; begin += kVocabularyChunk) {
    const auto size = std::min(kVocabularyChunk, vocabulary - begin);
    auto logits = at::addmm(of.bias.narrow(0, begin, size), of.x,
                            of.weight.narrow(0, begin, size).t());  // (rows, size)
    const auto probabilities = logits.sub_(log_sums).exp_();
    auto weight = by.weight.narrow(0, begin, size), bias = by.bias.narrow(0, begin, size);
    at::mm_out(weight, probabilities.t(), shared);
    at::mul_out(bias, probabilities.sum(/*dim=*/0), share);
  }
  by.weight.index_add_(0, of.targets, shared, /*alpha=*/-1);
  by.bias.index_add_(0, of.targets, shares, /*alpha=*/-1);
  return by;
}

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>

#include <algorithm>

// What a loss over the vocabulary gives to an output embedding that learns.
namespace madx::ops::detail {

/// Rows of the output embedding taken at a time: a chunk of logits for a few hundred masked tokens
/// stays in cache.
constexpr int64_t kVocabularyChunk = 4096;

/// The logits of the targets: (rows).
inline at::Tensor target_logits(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, const at::Tensor& targets) {
  return (x * weight.index_select(0, targets).to(x.scalar_type())).sum(/*dim=*/1) +
         bias.index_select(0, targets);
}

/// What those gradients are computed from.
struct VocabularyLoss {
  at::Tensor x, weight, bias,
      targets;          // (rows, hidden), (vocabulary, hidden), (vocabulary), (rows)
  at::Tensor log_sums;  // (rows): log sum exp of each row's logits
};

struct VocabularyGradients {
  at::Tensor weight, bias;  // (vocabulary, hidden), (vocabulary)
};

/// `share` () times the gradients of the sum of losses: with a row's probabilities p,
/// d loss / d W = p x^T less x at the target. A chunk's probabilities are computed again from its
/// logits and meet x while they are in cache; each row of the result is written once. One more
/// product with the whole weight than if the logits were kept, and never a matrix of them.
inline VocabularyGradients vocabulary_gradients(const VocabularyLoss& of, const at::Tensor& share) {
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

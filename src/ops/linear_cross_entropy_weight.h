#pragma once

#include <ATen/ATen.h>

// What a loss over the vocabulary gives to an output embedding that learns.
namespace madx::ops::detail {

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
VocabularyGradients vocabulary_gradients(const VocabularyLoss& of, const at::Tensor& share);

}  // namespace madx::ops::detail

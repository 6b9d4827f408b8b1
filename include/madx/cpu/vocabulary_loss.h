#pragma once

#include <cstdint>

namespace madx::cpu {

/// What goes into the loss over the vocabulary, see ops/linear_cross_entropy.h; float32, row-major,
/// dense.
struct VocabularyLossInput {
  const float* x;          ///< (rows, hidden)
  const float* weight;     ///< (vocabulary, hidden): the output embedding
  const float* bias;       ///< (vocabulary)
  const int64_t* targets;  ///< (rows), in [0, vocabulary)
  int64_t rows, hidden, vocabulary;
};

/// Losses and gradients of the sum of losses. Null where not wanted.
struct VocabularyLossOutput {
  float* losses;         ///< (rows): log sum exp (x W^T + b) - its element at the target
  float* x_gradient;     ///< (rows, hidden)
  float* bias_gradient;  ///< (vocabulary)
};

/// Panels of the vocabulary go through both products while they are in cache: no matrix of logits
/// exists. With a bias gradient, which needs each row's final sum, the logits of some rows at a
/// time are kept instead (64 rows of XLM-R's vocabulary are 64 MB).
void vocabulary_loss(const VocabularyLossInput& input, int threads,
                     const VocabularyLossOutput& output);

}  // namespace madx::cpu

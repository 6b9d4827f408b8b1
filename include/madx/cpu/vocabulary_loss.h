#pragma once

#include <cstdint>

#include "madx/cpu/bfloat16.h"
#include "madx/gemm/products.h"

namespace madx::cpu {

/// What goes into the loss over the vocabulary, see ops/linear_cross_entropy.h; float32, row-major,
/// dense.
struct VocabularyLossInput {
  const float* x;          ///< (rows, hidden)
  const float* weight;     ///< (vocabulary, hidden): the output embedding
  const float* bias;       ///< (vocabulary)
  const int64_t* targets;  ///< (rows), in [0, vocabulary)
  int64_t rows;            ///< tokens whose sub-word is predicted
  int64_t hidden;          ///< hidden size
  int64_t vocabulary;      ///< sub-words that the softmax is over
  /// The output embedding in bfloat16, instead of `weight`, where has_bfloat16_products() and
  /// hidden is a multiple of kBfloat16Granule: products round x and probabilities and sum in
  /// float32.
  const Bfloat16* bfloat16_weight = nullptr;
  gemm::Products products = gemm::default_products();  ///< which units multiply
};

/// Losses, and gradients of their sum, which are null where not wanted.
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

#pragma once

#include <cstdint>

#include "madx/cpu/bfloat16.h"

namespace madx::cpu {

/// Word embeddings (vocabulary, hidden) in one of three types; the others are null.
struct WordTable {
  const float* float32;      ///< (vocabulary, hidden)
  const Bfloat16* bfloat16;  ///< (vocabulary, hidden)
  const int8_t* int8;        ///< (vocabulary, hidden)
  const float* scales;       ///< (vocabulary), of int8
};

/// What stands before an encoder's first layer; float32, row-major, dense.
struct EmbeddingInput {
  const int64_t* word_ids;      ///< (rows), in range
  const int64_t* position_ids;  ///< (rows), in range
  int64_t rows;                 ///< tokens
  int64_t hidden;               ///< hidden size
  WordTable words;              ///< word embeddings
  const float* positions;       ///< (positions, hidden)
  const float* type;            ///< (hidden)
  const float* norm_weight;     ///< (hidden)
  const float* norm_bias;       ///< (hidden)
  double norm_eps;              ///< of the LayerNorm
  double dropout;               ///< of the result; 0 turns it off
  uint64_t seed;                ///< of the dropout
  /// (rows): what the dropout is drawn by; null: 0, 1, 2, ...
  const int64_t* row_numbers = nullptr;
};

/// out (rows, hidden) = dropout(LN(word + position + type))
void embed(const EmbeddingInput& input, int threads, float* out);

}  // namespace madx::cpu

#pragma once

#include <cstdint>

#include "madx/cpu/bfloat16.h"

namespace madx::cpu {

/// What stands before an encoder's first layer; float32, row-major, dense.
struct EmbeddingInput {
  const int64_t* word_ids;      ///< (rows), in range
  const int64_t* position_ids;  ///< (rows), in range
  int64_t rows, hidden;
  const float* words;              ///< (vocabulary, hidden), or null, and then
  const Bfloat16* bfloat16_words;  ///< the same in bfloat16
  const float* positions;          ///< (positions, hidden)
  const float* type;               ///< (hidden)
  const float* norm_weight;        ///< (hidden)
  const float* norm_bias;          ///< (hidden)
  double norm_eps;
  double dropout;  ///< of the result; 0 turns it off
  uint64_t seed;   ///< of the dropout
};

/// out (rows, hidden) = dropout(LN(word + position + type))
void embed(const EmbeddingInput& input, int threads, float* out);

}  // namespace madx::cpu

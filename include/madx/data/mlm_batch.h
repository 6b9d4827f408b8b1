#pragma once

#include <vector>

#include "madx/core/packed_batch.h"
#include "madx/data/masking.h"

namespace madx {

/// Sequences for masked LM: `batch.read_rows` are the masked positions, `targets` what stood there.
struct MlmBatch {
  PackedBatch batch;   ///< with masks; `read_rows` are the masked rows
  at::Tensor targets;  ///< (masked) int64: what stood there
};

/// Whether the sequences have a token that can be masked: one that is not special.
bool can_mask(const std::vector<std::vector<int64_t>>& sequences, const Tokenizer& tokenizer);

/// Masks tokens of the sequences by mask_tokens; there may be none. `sequences` change in place.
MlmBatch mask_batch(std::vector<std::vector<int64_t>>& sequences, const Tokenizer& tokenizer,
                    double probability, RandomStream& random);

/// Masks one token, each with the same chance. There must be one that can be.
MlmBatch mask_one(std::vector<std::vector<int64_t>>& sequences, const Tokenizer& tokenizer,
                  RandomStream& random);

}  // namespace madx

#pragma once

#include <vector>

#include "madx/core/packed_batch.h"

namespace madx {

/// The attended tokens of padded ids (batch, length), packed.
inline PackedBatch pack_attended(const at::Tensor& ids, const at::Tensor& mask) {
  std::vector<std::vector<int64_t>> sequences;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const auto tokens = ids[row].index({mask[row]}).contiguous();
    sequences.emplace_back(tokens.data_ptr<int64_t>(), tokens.data_ptr<int64_t>() + tokens.numel());
  }
  return pack(sequences);
}

}  // namespace madx

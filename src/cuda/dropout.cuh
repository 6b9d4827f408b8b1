#pragma once

#include "cuda/types.cuh"
#include "madx/core/philox.h"

namespace madx::cuda {

/// Dropout's parameters.
struct DropoutScale {
  uint64_t seed = 0;
  uint32_t threshold = 0;  ///< as of dropout_threshold; 0: off
  float factor = 1;        ///< of what is kept, as of dropout_factor
};

/// Drops some of a lane's eight columns of a row: the same ones as cpu::Dropout, so that a seed
/// means one mask on both devices. All lanes of a warp call it, lane l with columns 8 l to 8 l + 7
/// of the `block`-th 256 columns.
///
/// There, 64 columns share eight counters, and counter i decides columns i, i + 8, ..., i + 56.
/// Lane l draws counter l % 8 for its eight lanes and needs columns of one place from each of them:
/// a vote a place.
MADX_DEVICE void drop(const DropoutScale& dropout, int64_t row, int block, Eight& columns) {
  if (dropout.threshold == 0) return;
  const int lane = lane_index();
  const PhiloxWords<uint32_t> random(dropout.seed, static_cast<uint64_t>(block) * kLanes + lane,
                                     static_cast<uint64_t>(row));
  uint32_t kept = 0;
  MADX_UNROLL
  for (int place = 0; place < kColumns; ++place) {
    const uint32_t bits = (random.word[place % 4] >> (place < 4 ? 0 : 16)) & 0xFFFF;
    const uint32_t votes = __ballot_sync(kAllLanes, bits >= dropout.threshold);
    if (lane % 8 == place) kept = votes >> (lane / 8 * 8);
  }
  MADX_UNROLL
  for (int i = 0; i < kColumns; ++i)
    columns.value[i] *= (kept >> i & 1) != 0 ? dropout.factor : 0.0f;
}

}  // namespace madx::cuda

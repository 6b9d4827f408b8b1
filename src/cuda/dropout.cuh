#pragma once

#include "cuda/types.cuh"

namespace madx::cuda {

/// Dropout's parameters, as cpu::Dropout rounds them.
struct DropoutScale {
  uint64_t seed = 0;
  uint32_t threshold = 0;  ///< of 65536; 0: off
  float factor = 1;        ///< of what is kept
};

/// The four words of Philox 4x32-10 of a key and a counter (see src/cpu/philox.h).
struct PhiloxWords {
  uint32_t word[4];

  MADX_DEVICE PhiloxWords(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
    uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
    word[0] = static_cast<uint32_t>(counter_low);
    word[1] = static_cast<uint32_t>(counter_low >> 32);
    word[2] = static_cast<uint32_t>(counter_high);
    word[3] = static_cast<uint32_t>(counter_high >> 32);
    MADX_UNROLL
    for (int round = 0; round < 10; ++round) {
      const uint32_t high0 = __umulhi(word[0], 0xD2511F53u), low0 = word[0] * 0xD2511F53u;
      const uint32_t high1 = __umulhi(word[2], 0xCD9E8D57u), low1 = word[2] * 0xCD9E8D57u;
      word[0] = high1 ^ word[1] ^ key0;
      word[1] = low1;
      word[2] = high0 ^ word[3] ^ key1;
      word[3] = low0;
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
  }
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
  const PhiloxWords random(dropout.seed, static_cast<uint64_t>(block) * kLanes + lane,
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
    columns.value[i] = (kept >> i & 1) != 0 ? columns.value[i] * dropout.factor : 0.0f;
}

}  // namespace madx::cuda

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace madx::cpu::MADX_CAPABILITY {

/// Four random words that are a function of key and counter alone: Philox 4x32-10 (Salmon et al.
/// 2011, "Parallel random numbers: as easy as 1, 2, 3"). A mask drawn in the forward pass is drawn
/// again in the backward pass instead of being kept.
struct Philox {
  uint32_t word[4];

  Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
    // Words are held in 64 bits, as the products need them: a loop over counters is then vector
    // code without a shuffle.
    constexpr uint64_t kLow = 0xFFFFFFFF;
    uint64_t key0 = key & kLow, key1 = key >> 32;
    uint64_t c0 = counter_low & kLow, c1 = counter_low >> 32;
    uint64_t c2 = counter_high & kLow, c3 = counter_high >> 32;
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const uint64_t product0 = c0 * 0xD2511F53, product1 = c2 * 0xCD9E8D57;
      c0 = (product1 >> 32) ^ c1 ^ key0;
      c1 = product1 & kLow;
      c2 = (product0 >> 32) ^ c3 ^ key1;
      c3 = product0 & kLow;
      key0 = (key0 + 0x9E3779B9) & kLow;
      key1 = (key1 + 0xBB67AE85) & kLow;
    }
    word[0] = static_cast<uint32_t>(c0);
    word[1] = static_cast<uint32_t>(c1);
    word[2] = static_cast<uint32_t>(c2);
    word[3] = static_cast<uint32_t>(c3);
  }
};

/// Dropout of one tensor: each element is dropped with probability p, as a function of seed, row
/// and column. 0 <= p < 1; 16 random bits decide, so it is rounded to a multiple of 2^-16.
class Dropout {
 public:
  Dropout(double p, uint64_t seed)
      : seed_(seed),
        threshold_(static_cast<uint32_t>(std::min(std::lround(p * 65536), 65535L))),
        scale_(65536.0f / static_cast<float>(65536 - threshold_)),
        active_(threshold_ > 0) {}
  bool active() const { return active_; }

  /// Factors (0, or 1 over the probability to be kept) of columns [0, count) of a row.
  void row(uint64_t index, int64_t count, float* factors) const;

 private:
  uint64_t seed_;
  uint32_t threshold_;
  float scale_;
  bool active_;
};

}  // namespace madx::cpu::MADX_CAPABILITY

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace madx::cpu {

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
  void row(uint64_t index, int64_t count, float* factors) const {
    for (int64_t first = 0; first < count; first += kColumns) {
      alignas(64) uint32_t words[kColumns / 2];
      draw(index, static_cast<uint64_t>(first / kColumns * kCounters), words);
      // The low halves of the words decide the first 32 columns, the high halves the others.
      const int64_t low = std::min(count - first, kColumns / 2);
      const int64_t high = std::min(count - first, kColumns) - low;
      decide<0>(words, low, factors + first);
      decide<16>(words, high, factors + first + low);
    }
  }

 private:
  static constexpr int64_t kCounters = 8;
  static constexpr int64_t kColumns = 8 * kCounters;

  /// The words of `kCounters` counters from `counter` on: all first words, all second words, ...
  void draw(uint64_t row, uint64_t counter, uint32_t* words) const {
#pragma omp simd
    for (int64_t i = 0; i < kCounters; ++i) {
      const Philox random(seed_, counter + static_cast<uint64_t>(i), row);
      words[i] = random.word[0];
      words[kCounters + i] = random.word[1];
      words[2 * kCounters + i] = random.word[2];
      words[3 * kCounters + i] = random.word[3];
    }
  }

  template <int kShift>
  void decide(const uint32_t* __restrict__ words, int64_t count,
              float* __restrict__ factors) const {
    const auto threshold = threshold_;
    const auto scale = scale_;
    for (int64_t i = 0; i < count; ++i)
      factors[i] = ((words[i] >> kShift) & 0xFFFF) < threshold ? 0.0f : scale;
  }

  uint64_t seed_;
  uint32_t threshold_;
  float scale_;
  bool active_;
};

}  // namespace madx::cpu

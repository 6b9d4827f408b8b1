#include "cpu/philox.h"

#include <algorithm>

namespace madx::cpu::MADX_CAPABILITY {
namespace {

constexpr int64_t kCounters = 8;
constexpr int64_t kColumns = 8 * kCounters;

/// The words of `kCounters` counters from `counter` on: all first words, all second words, ...
void draw(uint64_t seed, uint64_t row, uint64_t counter, uint32_t* words) {
#pragma omp simd
  for (int64_t i = 0; i < kCounters; ++i) {
    const Philox random(seed, counter + static_cast<uint64_t>(i), row);
    words[i] = random.word[0];
    words[kCounters + i] = random.word[1];
    words[2 * kCounters + i] = random.word[2];
    words[3 * kCounters + i] = random.word[3];
  }
}

/// Factors of `count` columns, by the 16 bits of their words that kShift names.
template <int kShift>
void decide(const uint32_t* __restrict__ words, int64_t count, uint32_t threshold, float scale,
            float* __restrict__ factors) {
  for (int64_t i = 0; i < count; ++i)
    factors[i] = ((words[i] >> kShift) & 0xFFFF) < threshold ? 0.0f : scale;
}

}  // namespace

void Dropout::row(uint64_t index, int64_t count, float* factors) const {
  for (int64_t first = 0; first < count; first += kColumns) {
    alignas(64) uint32_t words[kColumns / 2];
    draw(seed_, index, static_cast<uint64_t>(first / kColumns * kCounters), words);
    // The low halves of the words decide the first 32 columns, the high halves the others.
    const int64_t low = std::min(count - first, kColumns / 2);
    const int64_t high = std::min(count - first, kColumns) - low;
    decide<0>(words, low, threshold_, scale_, factors + first);
    decide<16>(words, high, threshold_, scale_, factors + first + low);
  }
}

}  // namespace madx::cpu::MADX_CAPABILITY

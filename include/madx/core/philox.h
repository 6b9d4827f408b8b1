#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

/// What stands before a function that kernels call: on a GPU, too, where nvcc compiles it. Always
/// inline, since the CPU's kernels are compiled for several processors.
#ifdef __CUDACC__
#define MADX_KERNEL_INLINE __host__ __device__ __forceinline__
#else
#define MADX_KERNEL_INLINE inline __attribute__((always_inline))
#endif

namespace madx {

/// Four random words that are a function of key and counter alone: Philox 4x32-10 (Salmon et al.
/// 2011, "Parallel random numbers: as easy as 1, 2, 3"). A mask drawn in the forward pass is drawn
/// again in the backward pass instead of being kept, on the CPU and on a GPU.
///
/// `Word` is what the words are held in, uint32_t, or uint64_t, as the products need them: a loop
/// over counters is then vector code without a shuffle.
template <class Word>
struct PhiloxWords {
  uint32_t word[4];  ///< the draw

  /// The draw of this key and 128-bit counter.
  MADX_KERNEL_INLINE PhiloxWords(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
    constexpr uint64_t kLow = 0xFFFFFFFF;
    Word key0 = static_cast<Word>(key & kLow), key1 = static_cast<Word>(key >> 32);
    Word c0 = static_cast<Word>(counter_low & kLow), c1 = static_cast<Word>(counter_low >> 32);
    Word c2 = static_cast<Word>(counter_high & kLow), c3 = static_cast<Word>(counter_high >> 32);
#ifdef __CUDACC__
#pragma unroll
#else
#pragma GCC unroll 10
#endif
    for (int round = 0; round < 10; ++round) {
      const uint64_t product0 = uint64_t{c0} * 0xD2511F53, product1 = uint64_t{c2} * 0xCD9E8D57;
      c0 = static_cast<Word>(product1 >> 32) ^ c1 ^ key0;
      c1 = static_cast<Word>(product1 & kLow);
      c2 = static_cast<Word>(product0 >> 32) ^ c3 ^ key1;
      c3 = static_cast<Word>(product0 & kLow);
      key0 = static_cast<Word>((key0 + 0x9E3779B9) & kLow);
      key1 = static_cast<Word>((key1 + 0xBB67AE85) & kLow);
    }
    word[0] = static_cast<uint32_t>(c0);
    word[1] = static_cast<uint32_t>(c1);
    word[2] = static_cast<uint32_t>(c2);
    word[3] = static_cast<uint32_t>(c3);
  }
};

/// Dropout with probability p, 0 <= p < 1, drops an element where its 16 random bits are below
/// this, so p is rounded to a multiple of 2^-16. 0: drops none.
inline uint32_t dropout_threshold(double p) {
  return static_cast<uint32_t>(std::min(std::lround(p * 65536), 65535L));
}

/// What multiplies the elements that are kept: 1 over the probability to be kept.
inline float dropout_factor(uint32_t threshold) {
  return 65536.0f / static_cast<float>(65536 - threshold);
}

}  // namespace madx

#undef MADX_KERNEL_INLINE

#pragma once

// CUDA's names, as far as src/cuda uses them, on top of the emulation: what nvcc would take from
// cuda_runtime.h, cuda_fp16.h and cuda_bf16.h.
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "emulation/block.h"
#include "emulation/half.h"
#include "emulation/memory.h"

#define __global__
#define __grid_constant__
#define __launch_bounds__(...)
#define MADX_DEVICE inline
#define MADX_DEVICE_CALL inline
#define MADX_BOTH
#define MADX_UNROLL

// threadIdx.x and blockIdx.x are looked up at each use.
struct EmulatedIndex {
  struct Component {
    bool of_thread;
    operator unsigned() const {
      return of_thread ? emulation::moment().thread
                       : static_cast<unsigned>(emulation::block_index());
    }
  } x;
};
constexpr EmulatedIndex threadIdx{{true}}, blockIdx{{false}};

struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }

struct __half {
  uint16_t bits;
};
struct __nv_bfloat16 {
  uint16_t bits;
};

inline uint32_t __float_as_uint(float value) { return emulation::bits_of(value); }
inline float __uint_as_float(uint32_t bits) { return emulation::float_of(bits); }
inline __half __ushort_as_half(uint16_t bits) { return {bits}; }
inline uint16_t __half_as_ushort(__half value) { return value.bits; }
inline uint16_t __bfloat16_as_ushort(__nv_bfloat16 value) { return value.bits; }
inline float __half2float(__half value) { return emulation::half_to_float(value.bits); }
inline __half __float2half_rn(float value) { return {emulation::float_to_half(value)}; }
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  return {emulation::float_to_bfloat16(value)};
}
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::block_barrier(file, line);
}
inline void __syncwarp(uint32_t lanes = 0xFFFFFFFF, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE()) {
  if (lanes != 0xFFFFFFFF) emulation::fail("only whole warps are emulated");
  emulation::warp_meeting({}, /*barrier=*/true, file, line);
}
inline float __shfl_xor_sync(uint32_t lanes, float value, int distance,
                             const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (lanes != 0xFFFFFFFF) emulation::fail("only whole warps are emulated");
  const auto* all = emulation::warp_meeting({{__float_as_uint(value)}}, false, file, line);
  return __uint_as_float(all[threadIdx.x % 32 ^ static_cast<unsigned>(distance)].word[0]);
}
inline uint32_t __ballot_sync(uint32_t lanes, bool vote, const char* file = __builtin_FILE(),
                              int line = __builtin_LINE()) {
  if (lanes != 0xFFFFFFFF) emulation::fail("only whole warps are emulated");
  const auto* all = emulation::warp_meeting({{vote ? 1u : 0u}}, false, file, line);
  uint32_t votes = 0;
  for (int lane = 0; lane < 32; ++lane) votes |= all[lane].word[0] << lane;
  return votes;
}

template <class V>
V __ldg(const V* from) {
  emulation::see_global(from, sizeof(V), emulation::Global::kReadOnlyCache);
  return *from;
}
template <class V>
V __ldcg(const V* from) {
  emulation::see_global(from, sizeof(V), emulation::Global::kRead);
  return *from;
}
template <class V>
void __stcg(V* to, std::common_type_t<V> value) {
  emulation::see_global(to, sizeof(V), emulation::Global::kWrite);
  *to = value;
}

namespace emulation {

/// The warp's product of src/cuda/mma.cuh, by the layout that PTX gives it.
template <class ToFloat>
void multiply_add(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], ToFloat to_float,
                  const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const auto* lanes =
      warp_meeting({{a[0], a[1], a[2], a[3], b[0], b[1]}}, /*barrier=*/false, file, line);
  const auto element = [&](uint32_t word, int high) {
    return to_float(static_cast<uint16_t>(high ? word >> 16 : word & 0xFFFF));
  };
  // Element (row, k) of a: words 0 and 2 are row g's, 1 and 3 row g + 8's; 2 and 3 from k = 8 on.
  const auto a_element = [&](int row, int k) {
    const int lane = row % 8 * 4 + k % 8 / 2, word = row / 8 + k / 8 * 2;
    return element(lanes[lane].word[word], k % 2);
  };
  const auto b_element = [&](int k, int column) {
    return element(lanes[column * 4 + k % 8 / 2].word[4 + k / 8], k % 2);
  };
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = 0; i < 4; ++i) {
    const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 16; ++k) sum[i] += a_element(row, k) * b_element(k, column);
  }
}

}  // namespace emulation

namespace madx::cuda {

inline void see_shared(const void* at, int bytes, bool write) {
  emulation::see_shared(at, bytes, write);
}
inline unsigned char* dynamic_shared() { return emulation::shared_memory(); }

}  // namespace madx::cuda

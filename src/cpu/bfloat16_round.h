#pragma once

#include <cstdint>
#include <cstring>

#include "madx/cpu/bfloat16.h"

namespace madx::cpu::MADX_CAPABILITY {

/// Rounds to the nearest, ties to even; what is not a number stays so.
inline Bfloat16 to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  const uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  return static_cast<Bfloat16>((is_nan ? bits | 0x400000 : rounded) >> 16);
}

inline float to_float(Bfloat16 value) {
  const uint32_t bits = uint32_t{value} << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

inline void to_bfloat16(const float* from, int64_t size, Bfloat16* to) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) to[i] = to_bfloat16(from[i]);
}

}  // namespace madx::cpu::MADX_CAPABILITY

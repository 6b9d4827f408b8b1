#pragma once

#include <cstdint>
#include <cstring>

namespace emulation {

// 16-bit floating point in integer arithmetic, to the nearest value, ties to even.

inline uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
inline float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline uint16_t float_to_bfloat16(float value) {
  const auto bits = bits_of(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return 0x7FFF;  // NaN
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

inline float half_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 0x1F, part = half & 0x3FF;
  if (exponent == 0x1F) return float_of(sign | 0x7F800000 | part << 13);
  if (exponent == 0) {  // zero and subnormals: part * 2^-24
    const float size = static_cast<float>(part) * float_of(0x33800000);
    return sign != 0 ? -size : size;
  }
  return float_of(sign | (exponent + 112) << 23 | part << 13);
}

inline uint16_t float_to_half(float value) {
  const auto bits = bits_of(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t size = bits & 0x7FFFFFFF;
  if (size > 0x7F800000) return 0x7FFF;                                 // NaN
  if (size >= 0x477FF000) return static_cast<uint16_t>(sign | 0x7C00);  // to infinity
  if (size < 0x38800000) {  // subnormal: adding 1/2 leaves multiples of 2^-24 in the low bits
    const float shifted = float_of(size) + 0.5f;
    return static_cast<uint16_t>(sign | (bits_of(shifted) - 0x3F000000));
  }
  return static_cast<uint16_t>(sign | (size - 0x38000000 + 0xFFF + (size >> 13 & 1)) >> 13);
}

}  // namespace emulation

#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

namespace madx::cpu::MADX_CAPABILITY {

/// exp(x) without a branch: loops over it become vector code. Within 2 ulp from -87 to 88; below it
/// is 0, above infinity; what is not a number stays so.
/// x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) by its Taylor polynomial of degree 7.
inline float fast_exp(float x) {
  constexpr float kLowest = -87.0f, kHighest = 88.0f;
  constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: n is in the lowest bits of the sum
  const float above = x < kLowest ? kLowest : x;
  const float bounded = above > kHighest ? kHighest : above;
  const float shifted = bounded * 1.44269504f + kRounding;
  const float n = shifted - kRounding;
  const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t bits;  // never a number converted to an integer: of a NaN, that would be undefined
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits + 127) << 23;  // 2^n; what stands above n's lowest nine bits goes
  float power;
  std::memcpy(&power, &bits, sizeof(power));
  const float result = x < kLowest ? 0.0f : p * power;
  return x > kHighest ? std::numeric_limits<float>::infinity() : result;
}

}  // namespace madx::cpu::MADX_CAPABILITY

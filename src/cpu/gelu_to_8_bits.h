#pragma once

namespace madx::cpu::MADX_CAPABILITY {

// gelu and its slope for what 8 bits hold next, whose steps are a hundred times the error: no exp
// and no division. Both are 1/2 + x P(x^2), P the polynomial whose largest error on [0, kFlat] is
// least (by reweighted least squares); beyond it they are flat.

constexpr float kFlat = 4.35f;

/// -kFlat to kFlat; what is not a number stays so.
inline float clamp_to_flat(float x) {
  const float above = x < -kFlat ? -kFlat : x;
  return above > kFlat ? kFlat : above;
}

/// gelu(x), within 7e-5 for x from -12 to 12, and 7e-6 |x| beyond.
inline float gelu_to_8_bits(float x) {
  const float bounded = clamp_to_flat(x), square = bounded * bounded;
  float p = 3.87312855e-11f;
  p = p * square - 3.99622246e-9f;
  p = p * square + 1.82073464e-7f;
  p = p * square - 4.86570843e-6f;
  p = p * square + 8.57232590e-5f;
  p = p * square - 1.06338598e-3f;
  p = p * square + 9.67000611e-3f;
  p = p * square - 6.61178455e-2f;
  p = p * square + 3.98782998e-1f;
  return x * (bounded * p + 0.5f);
}

/// gelu'(x), within 2e-4.
inline float gelu_slope_to_8_bits(float x) {
  const float bounded = clamp_to_flat(x), square = bounded * bounded;
  float p = -2.87958043e-11f;
  p = p * square + 3.10267612e-9f;
  p = p * square - 1.47992409e-7f;
  p = p * square + 4.14208853e-6f;
  p = p * square - 7.61443953e-5f;
  p = p * square + 9.75154108e-4f;
  p = p * square - 8.95761885e-3f;
  p = p * square + 5.89205623e-2f;
  p = p * square - 2.65232354e-1f;
  p = p * square + 7.97713339e-1f;
  return bounded * p + 0.5f;
}

}  // namespace madx::cpu::MADX_CAPABILITY

#pragma once

#include <cmath>

#include "cpu/exp.h"

namespace madx::cpu::MADX_CAPABILITY {

/// Phi(x), the standard normal's distribution, and exp(-x^2 / 2). With erf by Abramowitz & Stegun
/// 7.1.26, whose error is below 1.5e-7:
///   erf(z) = 1 - (a_1 t + ... + a_5 t^5) exp(-z^2),  t = 1 / (1 + 0.3275911 z),  z >= 0
struct NormalDistribution {
  float phi;       ///< Phi(x)
  float exponent;  ///< exp(-x^2 / 2)

  explicit NormalDistribution(float x) {
    const float z = std::fabs(x) * 0.707106781f;
    const float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    exponent = fast_exp(-z * z);
    const float tail = 0.5f * p * t * exponent;  // Phi(-|x|)
    phi = x < 0 ? tail : 1.0f - tail;
  }
};

/// x Phi(x) (Hendrycks & Gimpel 2016), the exact form.
inline float gelu(float x) { return x * NormalDistribution(x).phi; }

/// Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi)
inline float gelu_slope(float x) {
  const NormalDistribution normal(x);
  return normal.phi + x * normal.exponent * 0.398942280f;
}

}  // namespace madx::cpu::MADX_CAPABILITY

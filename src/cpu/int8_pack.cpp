#include <algorithm>
#include <cmath>
#include <vector>

#include "madx/cpu/int8.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

constexpr int64_t kFour = 4;  // elements of a column side by side

/// Where element (k, n) of B lies, k a multiple of 4.
int64_t place(int64_t k, int64_t n, int64_t panel) {
  return n / kInt8Granule * panel + k * kInt8Granule + n % kInt8Granule * kFour;
}

}  // namespace

void quantise(const float* weight, int64_t out, int64_t in, const int32_t* exact,
              int64_t exact_count, const Int8Panels& panels) {
  std::vector<float> row(static_cast<size_t>(in));
  for (int64_t o = 0; o < out; ++o) {
    std::copy_n(weight + o * in, in, row.data());
    for (int64_t i = 0; i < exact_count; ++i) row[static_cast<size_t>(exact[i])] = 0;
    float most = 0, poison = 0;
    for (const float value : row) {
      most = std::max(most, std::fabs(value));
      poison += value * 0.0f;
    }
    constexpr float kSteps = 127;
    const float scale = most / kSteps + poison;
    panels.scales[o] = scale;
    const bool has_steps = std::isnormal(scale);  // kSteps / most is a number
    const float steps = has_steps ? kSteps / most : 0.0f;
    for (int64_t i = 0; i < in; i += kFour) {
      int8_t* const to = panels.panels + place(i, o, kInt8Granule * in);
      for (int64_t j = 0; j < kFour; ++j) {
        const float value = row[static_cast<size_t>(i + j)] * steps;
        to[j] = has_steps ? static_cast<int8_t>(std::lrint(value)) : int8_t{0};
      }
    }
  }
}

void dequantise(const Int8Matrix& matrix, int64_t out, int64_t in, float* weight) {
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; i += kFour) {
      const int8_t* const from = matrix.panels + place(i, o, matrix.panel);
      for (int64_t j = 0; j < kFour; ++j) weight[o * in + i + j] = matrix.scales[o] * from[j];
    }
  }
}

}  // namespace madx::cpu::MADX_CAPABILITY

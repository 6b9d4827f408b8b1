#include <cstring>

#include "madx/cpu/bfloat16.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

constexpr auto kWidth = kBfloat16Granule;  // of a panel

}  // namespace

void pack_transposed(const Bfloat16* weight, int64_t n, int64_t k, Bfloat16* panels) {
  for (int64_t panel = 0; panel < n; panel += kWidth) {
    for (int64_t pair = 0; pair < k; pair += 2) {
      for (int64_t column = panel; column < panel + kWidth; ++column, panels += 2)
        std::memcpy(panels, weight + column * k + pair, 2 * sizeof(Bfloat16));
    }
  }
}

void pack(const Bfloat16* matrix, int64_t rows, int64_t n, int64_t stride, int64_t k,
          Bfloat16* panels) {
  static const Bfloat16 kZeros[kWidth] = {};
  for (int64_t panel = 0; panel < n; panel += kWidth) {
    for (int64_t row = 0; row < k; row += 2, panels += 2 * kWidth) {
      const auto* const even = row < rows ? matrix + row * stride + panel : kZeros;
      const auto* const odd = row + 1 < rows ? matrix + (row + 1) * stride + panel : kZeros;
      uint32_t pairs[kWidth];
#pragma omp simd
      for (int64_t i = 0; i < kWidth; ++i) pairs[i] = uint32_t{even[i]} | uint32_t{odd[i]} << 16;
      std::memcpy(panels, pairs, sizeof pairs);
    }
  }
}

}  // namespace madx::cpu::MADX_CAPABILITY

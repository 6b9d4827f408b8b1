#pragma once

#include <cstdint>

#include "gemm/amx_tiles.h"
#include "madx/gemm/bfloat16.h"

namespace madx::gemm::MADX_CAPABILITY {

/// C (rows, n) = A (rows, k) B (k, n) in bfloat16, sums in float32; n and k are multiples of 32.
struct Bfloat16Product {
  int64_t rows, n, k;
  const Bfloat16* a;  ///< can be read up to a multiple of 32 rows
  int64_t a_stride;
  const Bfloat16* b;  ///< packed (madx/gemm/bfloat16.h)
  int64_t b_panel;    ///< elements from one panel to the next: 32 k, or more for a part of B's rows
  float* c;
  int64_t c_stride;
  bool accumulate = false;      ///< adds to C
  const float* bias = nullptr;  ///< (n), added to each row where C is not added to
};

/// Runs under AmxTiles, where has_bfloat16_products().
void bfloat16_product(const Bfloat16Product& product);

}  // namespace madx::gemm::MADX_CAPABILITY

#pragma once

#include <cstdint>

#include "gemm/panel_split.h"
#include "madx/gemm/bfloat16.h"

namespace madx::gemm::MADX_CAPABILITY {

/// The calling thread's matrix tiles, set up while this lives. Of one parallel region: nothing else
/// that uses tiles (LibTorch's own products) may run on the thread meanwhile.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

/// C (rows, n) = A (rows, k) B (k, n) in bfloat16, sums in float32; n and k are multiples of 32.
struct AmxProduct {
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
void amx_product(const AmxProduct& product);

/// C (rows, n) = A (rows, k) B (k, n) in float32, both split into bfloat16 (gemm/split.h).
struct SplitProduct {
  int64_t rows, n, k;
  const Bfloat16* a;  ///< panels of 32 rows
  const Bfloat16* b;  ///< panels of 32 columns
  float* c;
  int64_t c_stride;
  bool accumulate = false;          ///< adds to C
  PanelSplit* meanwhile = nullptr;  ///< split while the matrix units multiply
};

/// Runs under AmxTiles, where has_bfloat16_products().
void split_product(const SplitProduct& product);

}  // namespace madx::gemm::MADX_CAPABILITY

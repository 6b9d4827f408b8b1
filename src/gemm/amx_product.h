#pragma once

#include <cstdint>

#include "gemm/bfloat16_product.h"
#include "gemm/panel_split.h"

namespace madx::gemm::MADX_CAPABILITY {

/// Under AmxTiles, where has_matrix_units().
void amx_product(const Bfloat16Product& product);

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

/// Runs under AmxTiles, where has_matrix_units().
void split_product(const SplitProduct& product);

}  // namespace madx::gemm::MADX_CAPABILITY

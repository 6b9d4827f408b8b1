#pragma once

#include <cstdint>

#include "gemm/amx_tiles.h"
#include "gemm/quantised_rows.h"
#include "madx/gemm/int8.h"

namespace madx::gemm::MADX_CAPABILITY {

/// C (rows, n) = A (rows, k) B (k, n): sums in int32, exact for k up to 65,000, then scaled to
/// float32. n and k are multiples of kInt8Granule.
struct Int8Product {
  int64_t rows, n, k;
  const QuantisedRows& a;
  Int8Matrix b;
  float* c;
  int64_t c_stride;
  bool accumulate = false;      ///< adds to C
  const float* bias = nullptr;  ///< (n), added to each row where C is not added to
};

/// Under AmxTiles, where has_int8_products().
void int8_product(const Int8Product& product);

/// Rows that a tile's are best a multiple of.
int64_t int8_row_granule();

}  // namespace madx::gemm::MADX_CAPABILITY

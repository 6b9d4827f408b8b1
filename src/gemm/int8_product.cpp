// Products of activations in 8 bits with frozen weights in int8. LibTorch's at::_int_mm was tried
// first (docs/log/performance.md): it packs the weight anew at each call and leaves the sums to
// another pass over memory.
#include "gemm/int8_product.h"

#include <algorithm>
#include <vector>

#include "gemm/int8_units.h"
#include "madx/core/error.h"
#include "madx/gemm/capability.h"

namespace madx::gemm::MADX_CAPABILITY {

#if defined(__AVX2__)

namespace {

/// c = scale (sums - zero column_sums) column_scales, + c or bias.
void store_row(const Int8Product& product, int64_t row, int64_t n, int64_t columns,
               const int32_t* sums) {
  const float scale = product.a.scale(row);
  const int32_t zero = product.a.zero(row);
  const float* const scales = product.b.scales + n;
  const int32_t* const column_sums = product.column_sums + n;
  float* const c = product.c + row * product.c_stride + n;
  const auto value = [&](int64_t i) {
    return scale * scales[i] * static_cast<float>(sums[i] - zero * column_sums[i]);
  };
  if (product.accumulate) {
#pragma omp simd
    for (int64_t i = 0; i < columns; ++i) c[i] += value(i);
  } else if (product.bias != nullptr) {
    const float* const bias = product.bias + n;
#pragma omp simd
    for (int64_t i = 0; i < columns; ++i) c[i] = value(i) + bias[i];
  } else {
#pragma omp simd
    for (int64_t i = 0; i < columns; ++i) c[i] = value(i);
  }
}

template <class Units>
void multiply(const Int8Product& product) {
  alignas(64) int32_t sums[Units::kRows * kInt8Columns];
  for (int64_t n = 0; n < product.n; n += Units::kPanels * kInt8Granule) {
    const auto panels = std::min<int64_t>(Units::kPanels, (product.n - n) / kInt8Granule);
    const auto* const b = product.b.panels + n / kInt8Granule * product.b.panel;
    for (int64_t row = 0; row < product.rows; row += Units::kRows) {
      const auto rows = std::min<int64_t>(Units::kRows, product.rows - row);
      Units::sums({product.a.row(row), product.a.stride(), b, product.b.panel, product.k / 4, sums},
                  rows, panels);
      for (int64_t i = 0; i < rows; ++i)
        store_row(product, row + i, n, panels * kInt8Granule, sums + i * kInt8Columns);
    }
  }
}

/// A row of ones times B.
template <class Units>
void sum_columns(int64_t k, int64_t n, const Int8Matrix& b, int32_t* sums) {
  const std::vector<uint8_t> ones(static_cast<size_t>(k), 1);
  alignas(64) int32_t part[kInt8Columns];
  for (int64_t column = 0; column < n; column += Units::kPanels * kInt8Granule) {
    const auto panels = std::min<int64_t>(Units::kPanels, (n - column) / kInt8Granule);
    Units::sums({ones.data(), k, b.panels + column / kInt8Granule * b.panel, b.panel, k / 4, part},
                /*rows=*/1, panels);
    std::copy_n(part, panels * kInt8Granule, sums + column);
  }
}

}  // namespace

void int8_product(const Int8Product& product) {
#ifdef MADX_MATRIX_UNITS
  if (has_matrix_units()) {
    return multiply<MatrixInt8Units<AmxInt8Tiles, VnniUnits>>(product);
  }
#endif
#if defined(__AVX512F__)
  if (has_int8_dot_products()) return multiply<VnniUnits>(product);
#endif
  multiply<Avx2Units>(product);
}

void int8_column_sums(int64_t k, int64_t n, const Int8Matrix& b, int32_t* sums) {
#if defined(__AVX512F__)
  if (has_int8_dot_products()) return sum_columns<VnniUnits>(k, n, b, sums);
#endif
  sum_columns<Avx2Units>(k, n, b, sums);
}

int64_t int8_row_granule() {
  constexpr int64_t kTiles = 32;
  if (has_matrix_units()) return kTiles;
#if defined(__AVX512F__)
  if (has_int8_dot_products()) return VnniUnits::kRows;
#endif
  return Avx2Units::kRows;
}

#else

void int8_product(const Int8Product&) {
  machine_error("products of int8: expected a processor with AVX2; use float32");
}
void int8_column_sums(int64_t, int64_t, const Int8Matrix&, int32_t*) {
  machine_error("products of int8: expected a processor with AVX2; use float32");
}
int64_t int8_row_granule() { return 1; }

#endif

}  // namespace madx::gemm::MADX_CAPABILITY

// Products of activations in 8 bits with frozen weights in int8. LibTorch's at::_int_mm was tried
// first (docs/log/performance.md): it packs the weight anew at each call and leaves the sums to
// another pass over memory.
#include "gemm/int8_product.h"

#include <algorithm>

#include "gemm/int8_units.h"
#include "madx/core/error.h"
#include "madx/gemm/capability.h"

namespace madx::gemm::MADX_CAPABILITY {

#if defined(__AVX2__)

namespace {

/// c = scale (sums - zero column_sums) column_scales, + c or bias.
void store_row(const Int8Product& product, int64_t row, int64_t n, int64_t columns,
               const int32_t* sums, const int32_t* column_sums) {
  const float scale = product.a.scale(row);
  const int32_t zero = product.a.zero(row);
  const float* const scales = product.b.scales + n;
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

/// Sums by `Units`, and those of B's columns by `RowUnits`, which take a row alone.
template <class Units, class RowUnits = Units>
void multiply(const Int8Product& product) {
  alignas(64) int32_t column_sums[kInt8Columns], sums[Units::kRows * kInt8Columns];
  for (int64_t n = 0; n < product.n; n += Units::kPanels * kInt8Granule) {
    const auto panels = std::min<int64_t>(Units::kPanels, (product.n - n) / kInt8Granule);
    const auto* const b = product.b.panels + n / kInt8Granule * product.b.panel;
    const auto block = [&](const uint8_t* a, int32_t* to) {
      return Int8Block{a, product.a.stride(), b, product.b.panel, product.k / 4, to};
    };
    for (int64_t panel = 0; panel < panels; panel += RowUnits::kPanels) {
      auto ones = block(product.a.ones(), column_sums + panel * kInt8Granule);
      ones.b += panel * product.b.panel;
      RowUnits::sums(ones, 1, std::min<int64_t>(RowUnits::kPanels, panels - panel));
    }
    for (int64_t row = 0; row < product.rows; row += Units::kRows) {
      const auto rows = std::min<int64_t>(Units::kRows, product.rows - row);
      Units::sums(block(product.a.row(row), sums), rows, panels);
      for (int64_t i = 0; i < rows; ++i) {
        store_row(product, row + i, n, panels * kInt8Granule, sums + i * kInt8Columns, column_sums);
      }
    }
  }
}

}  // namespace

void int8_product(const Int8Product& product) {
#ifdef MADX_MATRIX_UNITS
  if (has_matrix_units()) {
    return multiply<MatrixInt8Units<AmxInt8Tiles, VnniUnits>, VnniUnits>(product);
  }
#endif
#if defined(__AVX512F__)
  if (has_int8_dot_products()) return multiply<VnniUnits>(product);
#endif
  multiply<Avx2Units>(product);
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
int64_t int8_row_granule() { return 1; }

#endif

}  // namespace madx::gemm::MADX_CAPABILITY

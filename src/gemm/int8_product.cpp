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

/// Calls the units' kernel for a block of `rows` x `panels`, both numbers of the compiler's.
template <class Units, int kRows, int kPanels>
void sum_block(const Int8Block& block, int64_t rows, int64_t panels) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return sum_block<Units, kRows - 1, kPanels>(block, rows, panels);
  }
  if constexpr (kPanels > 1) {
    if (panels < kPanels) return sum_block<Units, kRows, kPanels - 1>(block, rows, panels);
  }
  Units::template sums<kRows, kPanels>(block);
}

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

template <class Units>
void multiply(const Int8Product& product) {
  constexpr auto kRows = static_cast<int>(Units::kRows), kPanels = static_cast<int>(Units::kPanels);
  alignas(64) int32_t column_sums[kInt8Columns], sums[kRows * kInt8Columns];
  for (int64_t n = 0; n < product.n; n += kPanels * kInt8Granule) {
    const auto panels = std::min<int64_t>(kPanels, (product.n - n) / kInt8Granule);
    const auto* const b = product.b.panels + n / kInt8Granule * product.b.panel;
    const Int8Block ones{product.a.ones(), 0, b, product.b.panel, product.k / 4, column_sums};
    sum_block<Units, 1, kPanels>(ones, 1, panels);
    for (int64_t row = 0; row < product.rows; row += kRows) {
      const auto rows = std::min<int64_t>(kRows, product.rows - row);
      const Int8Block block{product.a.row(row), product.a.stride(), b,
                            product.b.panel,    product.k / 4,      sums};
      sum_block<Units, kRows, kPanels>(block, rows, panels);
      for (int64_t i = 0; i < rows; ++i) {
        store_row(product, row + i, n, panels * kInt8Granule, sums + i * kInt8Columns, column_sums);
      }
    }
  }
}

}  // namespace

void int8_product(const Int8Product& product) {
#if defined(__AVX512F__)
  if (has_int8_dot_products()) return multiply<VnniUnits>(product);
#endif
  multiply<Avx2Units>(product);
}

int64_t int8_row_granule() {
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

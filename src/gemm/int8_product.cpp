// Products of activations in 8 bits with frozen weights in int8. LibTorch's at::_int_mm would pack
// the weight anew at each call and leave the sums to another pass over memory
// (docs/log/performance.md).
#include "gemm/int8_product.h"

#include <algorithm>

#include "gemm/int8_units.h"
#include "madx/core/error.h"
#include "madx/gemm/capability.h"

namespace madx::gemm::MADX_CAPABILITY {

#if defined(__AVX2__)

namespace {

/// What a product does with what is in C.
enum class Into { kSet, kSetWithBias, kAdd };

/// c = scale (sums - zero column_sums) column_scales, + c or bias, for a block of `kColumns`.
template <Into kInto, int64_t kColumns>
void store_block(const Int8Product& product, int64_t row, int64_t rows, int64_t n,
                 const int32_t* column_sums, const int32_t* sums) {
  const float* const scales = product.b.scales + n;
  const float* const bias = kInto == Into::kSetWithBias ? product.bias + n : nullptr;
  float* c = product.c + row * product.c_stride + n;
  for (int64_t i = 0; i < rows; ++i, c += product.c_stride, sums += kInt8Columns) {
    const float scale = product.a.scale(row + i);
    const int32_t zero = product.a.zero(row + i);
#pragma omp simd
    for (int64_t j = 0; j < kColumns; ++j) {
      const float value = scale * scales[j] * static_cast<float>(sums[j] - zero * column_sums[j]);
      if constexpr (kInto == Into::kAdd) c[j] += value;
      if constexpr (kInto == Into::kSetWithBias) c[j] = value + bias[j];
      if constexpr (kInto == Into::kSet) c[j] = value;
    }
  }
}

/// The same for panels of which `kMost` are as many as there can be.
template <Into kInto, int64_t kMost>
void store(const Int8Product& product, int64_t row, int64_t rows, int64_t n, int64_t panels,
           const int32_t* column_sums, const int32_t* sums) {
  if (panels == kMost)
    return store_block<kInto, kMost * kInt8Granule>(product, row, rows, n, column_sums, sums);
  for (int64_t first = 0; first < panels * kInt8Granule; first += kInt8Granule)
    store_block<kInto, kInt8Granule>(product, row, rows, n + first, column_sums + first,
                                     sums + first);
}

template <class Units, Into kInto>
void multiply_into(const Int8Product& product) {
  alignas(64) int32_t column_sums[kInt8Columns], sums[Units::kRows * kInt8Columns];
  const auto steps = product.k / 4;
  for (int64_t n = 0; n < product.n; n += Units::kPanels * kInt8Granule) {
    const auto panels = std::min<int64_t>(Units::kPanels, (product.n - n) / kInt8Granule);
    const auto* const b = product.b.panels + n / kInt8Granule * product.b.panel;
    Units::OneRow::sums({product.a.ones(), 0, b, product.b.panel, steps, column_sums}, 1, panels);
    for (int64_t row = 0; row < product.rows; row += Units::kRows) {
      const auto rows = std::min<int64_t>(Units::kRows, product.rows - row);
      Units::sums({product.a.row(row), product.a.stride(), b, product.b.panel, steps, sums}, rows,
                  panels);
      store<kInto, Units::kPanels>(product, row, rows, n, panels, column_sums, sums);
    }
  }
}

template <class Units>
void multiply(const Int8Product& product) {
  if (product.accumulate) return multiply_into<Units, Into::kAdd>(product);
  if (product.bias != nullptr) return multiply_into<Units, Into::kSetWithBias>(product);
  multiply_into<Units, Into::kSet>(product);
}

}  // namespace

void int8_product(const Int8Product& product) {
#ifdef MADX_MATRIX_UNITS
  if (has_matrix_units()) {
    return multiply<MatrixInt8Units<AmxInt8, VnniUnits>>(product);
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

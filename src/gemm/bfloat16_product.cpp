// Products of bfloat16: on the matrix units (gemm/amx_product.cpp), or as dot products of pairs on
// the vector units (AVX512-BF16).
#include "gemm/bfloat16_product.h"

#include <algorithm>
#include <cstring>

#include "gemm/amx_product.h"
#include "madx/gemm/capability.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace madx::gemm::MADX_CAPABILITY {

#if defined(__AVX512F__)

namespace {

#define MADX_DOT_TARGET __attribute__((target("avx512bf16")))
/// Before each loop over sums: they are registers only where every index is the compiler's.
#define MADX_UNROLL _Pragma("GCC unroll 8")

constexpr int kRowBlock = 6, kLanes = 16, kHalves = 2;  // of a panel of 32 columns
constexpr int64_t kPair = 2 * kBfloat16Granule;         // elements of a pair of rows of a panel

template <class To, class From>
To bits_of(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

int32_t pair_of(const Bfloat16* a) {
  int32_t pair;
  std::memcpy(&pair, a, sizeof pair);
  return pair;
}

/// Columns [n, n + 32 kPanels) of rows [row, row + kRows) of C.
template <int kRows, int kPanels>
MADX_DOT_TARGET void multiply_block(const Bfloat16Product& product, int64_t row, int64_t n) {
  constexpr int kVectors = kHalves * kPanels;
  __m512 sums[kRows][kVectors];
  float* const c = product.c + row * product.c_stride + n;
  MADX_UNROLL for (int i = 0; i < kRows; ++i) {
    MADX_UNROLL for (int j = 0; j < kVectors; ++j) {
      if (product.accumulate) {
        sums[i][j] = _mm512_loadu_ps(c + i * product.c_stride + kLanes * j);
      } else if (product.bias != nullptr) {
        sums[i][j] = _mm512_loadu_ps(product.bias + n + kLanes * j);
      } else {
        sums[i][j] = _mm512_setzero_ps();
      }
    }
  }
  const Bfloat16* a = product.a + row * product.a_stride;
  const Bfloat16* b = product.b + n / kBfloat16Granule * product.b_panel;
  for (int64_t k = 0; k < product.k; k += 2, a += 2, b += kPair) {
    __m512bh columns[kVectors];
    MADX_UNROLL for (int j = 0; j < kVectors; ++j) {
      columns[j] = bits_of<__m512bh>(
          _mm512_loadu_si512(b + j / kHalves * product.b_panel + j % kHalves * kBfloat16Granule));
    }
    MADX_UNROLL for (int i = 0; i < kRows; ++i) {
      const auto pair = bits_of<__m512bh>(_mm512_set1_epi32(pair_of(a + i * product.a_stride)));
      MADX_UNROLL for (int j = 0; j < kVectors; ++j) {
        sums[i][j] = _mm512_dpbf16_ps(sums[i][j], pair, columns[j]);
      }
    }
  }
  MADX_UNROLL for (int i = 0; i < kRows; ++i) {
    MADX_UNROLL for (int j = 0; j < kVectors; ++j) {
      _mm512_storeu_ps(c + i * product.c_stride + kLanes * j, sums[i][j]);
    }
  }
}

template <int kRows, int kPanels>
void multiply_rows(const Bfloat16Product& product, int64_t row, int64_t n) {
  const auto rows = product.rows - row;
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_rows<kRows - 1, kPanels>(product, row, n);
  }
  multiply_block<kRows, kPanels>(product, row, n);
}

#undef MADX_UNROLL
#undef MADX_DOT_TARGET

void dot_product(const Bfloat16Product& product) {
  constexpr auto kTwo = 2 * kBfloat16Granule;
  int64_t n = 0;
  for (; n + kTwo <= product.n; n += kTwo)
    for (int64_t row = 0; row < product.rows; row += kRowBlock)
      multiply_rows<kRowBlock, 2>(product, row, n);
  for (int64_t row = 0; n < product.n && row < product.rows; row += kRowBlock)
    multiply_rows<kRowBlock, 1>(product, row, n);
}

}  // namespace

#endif

void bfloat16_product(const Bfloat16Product& product) {
#if defined(__AVX512F__)
  if (!has_matrix_units()) return dot_product(product);
#endif
  amx_product(product);
}

}  // namespace madx::gemm::MADX_CAPABILITY

#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>

#include "gemm/amx_instructions.h"
#include "madx/gemm/int8.h"

#ifdef MADX_MATRIX_UNITS
#define MADX_AMX_INT8 MADX_AMX_TARGET("amx-int8")
#else
#define MADX_AMX_INT8
#endif

namespace madx::gemm::MADX_CAPABILITY {

/// The columns of B whose sums are made at a time.
constexpr int64_t kInt8Columns = 64;

/// A block of a product in int8: rows of A, a_stride apart, times panels of B, to sums (rows,
/// kInt8Columns).
struct Int8Block {
  const uint8_t* a;
  int64_t a_stride;
  const int8_t* b;
  int64_t b_panel;
  int64_t steps;  ///< k / 4
  int32_t* sums;
};

/// Calls the kernel of `Units` for a block of `rows` x `panels`, whose numbers are the compiler's.
template <class Units, int kRows, int kPanels>
void sum_int8_block(const Int8Block& block, int64_t rows, int64_t panels) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return sum_int8_block<Units, kRows - 1, kPanels>(block, rows, panels);
  }
  if constexpr (kPanels > 1) {
    if (panels < kPanels) return sum_int8_block<Units, kRows, kPanels - 1>(block, rows, panels);
  }
  Units::template sum<kRows, kPanels>(block);
}

/// Before each loop over sums: they are registers only where every index is the compiler's.
#define MADX_UNROLL _Pragma("GCC unroll 8")

constexpr int64_t kInt8Step = 64;  ///< bytes of a step of a panel: 16 columns of 4

/// Four elements of a row of A.
inline int32_t four_of(const uint8_t* a) {
  int32_t four;
  std::memcpy(&four, a, sizeof four);
  return four;
}

#if defined(__AVX2__)

/// Of processors without dot products of int8. vpmaddubsw saturates its sums of two products, so
/// operands are widened to 16 bits first, whose pairs vpmaddwd sums exactly.
struct Avx2Units {
  using OneRow = Avx2Units;
  static constexpr int64_t kRows = 3, kPanels = 1;

  static void sums(const Int8Block& block, int64_t rows, int64_t panels) {
    sum_int8_block<Avx2Units, kRows, kPanels>(block, rows, panels);
  }

  template <int kRowCount, int kPanelCount>
  static void sum(const Int8Block& block) {
    static_assert(kPanelCount == 1, "one panel at a time");
    constexpr int kQuarters = 4;  // of a panel, 4 columns each
    __m256i sums[kRowCount][kQuarters];
    MADX_UNROLL for (int row = 0; row < kRowCount; ++row) {
      MADX_UNROLL for (int quarter = 0; quarter < kQuarters; ++quarter) {
        sums[row][quarter] = _mm256_setzero_si256();
      }
    }
    for (int64_t step = 0; step < block.steps; ++step) {
      __m256i a[kRowCount];
      MADX_UNROLL for (int row = 0; row < kRowCount; ++row) {
        const auto four = _mm_cvtsi32_si128(four_of(block.a + row * block.a_stride + 4 * step));
        a[row] = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(four));
      }
      MADX_UNROLL for (int quarter = 0; quarter < kQuarters; ++quarter) {
        const auto* const from = block.b + step * kInt8Step + 16 * quarter;
        const auto b =
            _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
        MADX_UNROLL for (int row = 0; row < kRowCount; ++row) {
          sums[row][quarter] = _mm256_add_epi32(sums[row][quarter], _mm256_madd_epi16(a[row], b));
        }
      }
    }
    constexpr int kInOrder = 0b11'01'10'00;
    MADX_UNROLL for (int row = 0; row < kRowCount; ++row) {
      MADX_UNROLL for (int half = 0; half < 2; ++half) {
        const auto pairs = _mm256_hadd_epi32(sums[row][2 * half], sums[row][2 * half + 1]);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.sums + row * kInt8Columns + 8 * half),
                            _mm256_permute4x64_epi64(pairs, kInOrder));
      }
    }
  }
};

#endif

#if defined(__AVX512F__)

/// AVX512-VNNI: four products of a u8 and an s8 each are added to a sum.
struct VnniUnits {
  using OneRow = VnniUnits;
  static constexpr int64_t kRows = 6, kPanels = 4;

  static void sums(const Int8Block& block, int64_t rows, int64_t panels) {
    sum_int8_block<VnniUnits, kRows, kPanels>(block, rows, panels);
  }

  template <int kRowCount, int kPanelCount>
  __attribute__((target("avx512vnni"))) static void sum(const Int8Block& block) {
    __m512i sums[kRowCount][kPanelCount];
    MADX_UNROLL for (int row = 0; row < kRowCount; ++row) {
      MADX_UNROLL for (int panel = 0; panel < kPanelCount; ++panel) {
        sums[row][panel] = _mm512_setzero_si512();
      }
    }
    const int8_t* b = block.b;
    const uint8_t* a = block.a;
    for (int64_t step = 0; step < block.steps; ++step, b += kInt8Step, a += 4) {
      __m512i columns[kPanelCount];
      MADX_UNROLL for (int panel = 0; panel < kPanelCount; ++panel) columns[panel] =
          _mm512_loadu_si512(b + panel * block.b_panel);
      MADX_UNROLL for (int row = 0; row < kRowCount; ++row) {
        const auto four = _mm512_set1_epi32(four_of(a + row * block.a_stride));
        MADX_UNROLL for (int panel = 0; panel < kPanelCount; ++panel) sums[row][panel] =
            _mm512_dpbusd_epi32(sums[row][panel], four, columns[panel]);
      }
    }
    MADX_UNROLL for (int row = 0; row < kRowCount; ++row)
        MADX_UNROLL for (int panel = 0; panel < kPanelCount; ++panel)
            _mm512_storeu_si512(block.sums + row * kInt8Columns + 16 * panel, sums[row][panel]);
  }
};

#endif

#undef MADX_UNROLL

/// Matrix units: 16 rows of 64 bytes by 16 x 16 groups of four to 16 x 16 sums, in two by two
/// tiles. `Tiles` are the instructions; `Rest` the units for what k has beyond a multiple of 64.
template <class Tiles, class Rest>
struct MatrixInt8Units {
  using OneRow = Rest;  ///< reads no row beyond it
  static constexpr int64_t kRows = 32, kPanels = 2;

  /// A can be read up to a multiple of 16 rows.
  MADX_AMX_INT8 static void sums(const Int8Block& block, int64_t rows, int64_t panels) {
    constexpr int64_t kTileRows = 16, kDepth = 64, kTileBytes = 16 * kInt8Step, kSumBytes = 256;
    const bool lower = rows > kTileRows, right = panels > 1;
    const auto* const low_a = block.a + kTileRows * block.a_stride;
    const auto* const right_b = block.b + block.b_panel;
    Tiles::template zero<0>();
    Tiles::template zero<1>();
    Tiles::template zero<2>();
    Tiles::template zero<3>();
    const auto whole = 4 * block.steps / kDepth;
    for (int64_t step = 0; step < whole; ++step) {
      Tiles::template load<4>(block.a + step * kDepth, block.a_stride);
      Tiles::template load<6>(block.b + step * kTileBytes, kInt8Step);
      Tiles::template multiply<0, 4, 6>();
      if (right) Tiles::template load<7>(right_b + step * kTileBytes, kInt8Step);
      if (right) Tiles::template multiply<1, 4, 7>();
      if (!lower) continue;
      Tiles::template load<5>(low_a + step * kDepth, block.a_stride);
      Tiles::template multiply<2, 5, 6>();
      if (right) Tiles::template multiply<3, 5, 7>();
    }
    Tiles::template store<0>(block.sums, kSumBytes);
    if (right) Tiles::template store<1>(block.sums + kTileRows, kSumBytes);
    if (lower) Tiles::template store<2>(block.sums + kTileRows * kInt8Columns, kSumBytes);
    if (lower && right)
      Tiles::template store<3>(block.sums + kTileRows * kInt8Columns + kTileRows, kSumBytes);
    if (whole * kDepth < 4 * block.steps) add_rest(block, rows, panels, whole * kDepth);
  }

 private:
  /// Adds the products from element `first` of k on.
  static void add_rest(const Int8Block& block, int64_t rows, int64_t panels, int64_t first) {
    int32_t sums[Rest::kRows * kInt8Columns];
    for (int64_t row = 0; row < rows; row += Rest::kRows) {
      const auto count = std::min<int64_t>(Rest::kRows, rows - row);
      Rest::sums({block.a + row * block.a_stride + first, block.a_stride,
                  block.b + first / 4 * kInt8Step, block.b_panel, block.steps - first / 4, sums},
                 count, panels);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < panels * kInt8Granule; ++j)
          block.sums[(row + i) * kInt8Columns + j] += sums[i * kInt8Columns + j];
    }
  }
};

#undef MADX_AMX_INT8

}  // namespace madx::gemm::MADX_CAPABILITY

#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstring>

namespace madx::gemm::MADX_CAPABILITY {

/// The columns of B whose sums are made at a time.
constexpr int64_t kInt8Columns = 64;

/// A block of a product in int8: `rows` of A, rows a_stride apart, times `panels` panels of B, to
/// sums (rows, kInt8Columns).
struct Int8Block {
  const uint8_t* a;
  int64_t a_stride;
  const int8_t* b;
  int64_t b_panel;
  int64_t steps;  ///< k / 4
  int32_t* sums;
};

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
  static constexpr int64_t kRows = 3, kPanels = 1;

  template <int kRowCount, int kPanelCount>
  static void sums(const Int8Block& block) {
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
  static constexpr int64_t kRows = 6, kPanels = 4;

  template <int kRowCount, int kPanelCount>
  __attribute__((target("avx512vnni"))) static void sums(const Int8Block& block) {
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

}  // namespace madx::gemm::MADX_CAPABILITY

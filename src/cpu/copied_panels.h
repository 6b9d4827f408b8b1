#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/cache.h"
#include "cpu/prefetch.h"
#include "cpu/row_tiles.h"
#include "cpu/scratch.h"
#include "cpu/small_gemm.h"

namespace madx::cpu {

/// Tiles whose products read rows and write rows where they lie: none is padded.
inline RowTiles copied_tiles(int64_t rows, int threads, int64_t in, int64_t out) {
  return RowTiles(rows, threads, rows_in_cache(in + out), /*granule=*/1);
}

/// C (tile, n) = A (tile, k) B (k, n), where B is a weight as it lies. B is taken 64 columns and at
/// most 768 rows at a time, and each such panel is copied first: rows of a panel are up to 12 KB
/// apart, which is a page, and the same few sets of the cache, for each.
class CopiedPanelProduct {
 public:
  static constexpr int64_t kWidth = 64, kDepth = 768;
  /// Floats of working memory that a call needs.
  static constexpr int64_t kScratch = kWidth * kDepth;

  struct Strides {
    int64_t a, b, c;  // between rows
  };

  CopiedPanelProduct(int64_t tile, int64_t n, int64_t k, Strides strides, bool accumulate)
      : n_(n), k_(k), strides_(strides), accumulate_(accumulate) {
    for (const bool adds : {false, true})
      for (const auto depth : {std::min(kDepth, k), last(k, kDepth)})
        for (const auto width : {std::min(kWidth, n), last(n, kWidth)})
          products_.emplace_back(tile, width, depth, strides.a, kWidth, strides.c,
                                 SmallGemm::Options{/*transposed_a=*/false, adds});
  }

  void operator()(const float* a, const float* b, float* c, float* panel) const {
    for (int64_t k = 0; k < k_; k += kDepth) {
      const auto depth = std::min(kDepth, k_ - k);
      for (int64_t n = 0; n < n_; n += kWidth) {
        const auto width = std::min(kWidth, n_ - n);
        copy(b + k * strides_.b + n, depth, width, panel);
        product(accumulate_ || k > 0, depth < kDepth, width < kWidth)(a + k, panel, c + n);
      }
    }
  }

 private:
  /// What is left for the last block: a whole one where `size` is a multiple.
  static int64_t last(int64_t size, int64_t block) {
    return size % block == 0 ? block : size % block;
  }
  const SmallGemm& product(bool adds, bool last_depth, bool last_width) const {
    return products_[static_cast<size_t>(4 * adds + 2 * last_depth + last_width)];
  }
  void copy(const float* from, int64_t rows, int64_t columns, float* to) const {
    for (int64_t row = 0; row < rows; ++row) {
      prefetch_ahead(from + row * strides_.b, strides_.b, columns);
      std::copy_n(from + row * strides_.b, columns, to + row * kWidth);
    }
  }

  int64_t n_, k_;
  Strides strides_;
  bool accumulate_;
  std::vector<SmallGemm>
      products_;  // by whether they add, are of the last depth, of the last width
};

}  // namespace madx::cpu

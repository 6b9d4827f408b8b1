#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/scratch.h"
#include "cpu/small_gemm.h"
#include "cpu/transpose.h"

namespace madx::cpu {

/// C (tile, n) = A (tile, k) B (k, n), B taken 64 columns at a time: a panel of B stays in cache
/// while all of the tile's rows meet it, so B is read from memory once a tile.
class PanelProduct {
 public:
  static constexpr int64_t kWidth = 64;

  /// B's rows are `b_stride` apart and its panels `panel_stride`.
  PanelProduct(int64_t tile, int64_t n, int64_t k, int64_t b_stride, int64_t panel_stride,
               bool accumulate)
      : n_(n), panel_stride_(panel_stride) {
    const SmallGemm::Options options{/*transposed_a=*/false, accumulate};
    for (const auto width : {std::min(kWidth, n), n % kWidth}) {
      if (width > 0) products_.emplace_back(tile, width, k, k, b_stride, n, options);
    }
  }

  /// B as a dense row-major (k, n) matrix.
  static PanelProduct dense(int64_t tile, int64_t n, int64_t k, bool accumulate) {
    return {tile, n, k, /*b_stride=*/n, /*panel_stride=*/kWidth, accumulate};
  }
  /// B as TransposedPanels.
  static PanelProduct packed(int64_t tile, int64_t n, int64_t k, bool accumulate) {
    return {tile, n, k, /*b_stride=*/kWidth, /*panel_stride=*/kWidth * k, accumulate};
  }

  void operator()(const float* a, const float* b, float* c) const {
    for (int64_t panel = 0; panel * kWidth < n_; ++panel) {
      const bool whole = panel * kWidth + kWidth <= n_;
      (whole ? products_.front() : products_.back())(a, b + panel * panel_stride_,
                                                     c + panel * kWidth);
    }
  }

 private:
  int64_t n_, panel_stride_;
  std::vector<SmallGemm> products_;  // of a whole panel, of the last one
};

/// The transpose of a weight (n, k), its columns in panels of 64: panel p holds (k, 64), columns 64
/// p and on. A layer's product x W^T reads it along its rows.
class TransposedPanels {
 public:
  TransposedPanels(int64_t n, int64_t k)
      : n_(n),
        k_(k),
        panels_((n + PanelProduct::kWidth - 1) / PanelProduct::kWidth),
        data_(panels_ * PanelProduct::kWidth * k, Scratch::Start::kAnything) {}
  int64_t panels() const { return panels_; }
  const float* data() const { return data_.data(); }

  /// Fills one panel; threads share the panels out.
  void fill(int64_t panel, const float* weight) {
    constexpr auto width = PanelProduct::kWidth;
    transpose(weight + panel * width * k_, k_, std::min(width, n_ - panel * width), k_,
              data_.data() + panel * width * k_, width);
  }

 private:
  int64_t n_, k_, panels_;
  Scratch data_;
};

}  // namespace madx::cpu

#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/amx_product.h"
#include "cpu/cache.h"
#include "cpu/scratch.h"
#include "cpu/split.h"

namespace madx::cpu {

/// Memory for the split panels (cpu/split.h) of an operand; no tile of it straddles cache lines.
class SplitPanels {
 public:
  SplitPanels() : SplitPanels(0, 0) {}
  /// For `size` rows or columns.
  SplitPanels(int64_t size, int64_t k)
      : size_(split_size(size, k)), data_(size_ / 2, Scratch::Start::kAnything) {}
  Bfloat16* data() { return reinterpret_cast<Bfloat16*>(data_.data()); }
  const Bfloat16* data() const { return reinterpret_cast<const Bfloat16*>(data_.data()); }

  /// The panel that starts with row or column `first`.
  Bfloat16* panel(int64_t first, int64_t k) {
    return data() + first / kSplitPanel * split_panel_size(k);
  }

  /// Makes room for an operand, and forgets what was there.
  void reserve(int64_t size, int64_t k) {
    if (split_size(size, k) > size_) *this = SplitPanels(size, k);
  }

 private:
  int64_t size_;
  Scratch data_;  // two elements a float
};

/// A thread's products with frozen weights on the processor's matrix units, each operand split.
/// Beside VectorProducts, which has the same members.
class MatrixProducts {
 public:
  static constexpr int64_t kGranule = kSplitPanel;
  /// An operand takes up to three quarters of a core's second-level cache. More than that pays less
  /// than it costs, though what is written comes on top: each tile splits all weights again.
  static int64_t tile_rows(int64_t in, int64_t) { return rows_in_cache(in * kSplitParts / 2, 512); }
  static constexpr int64_t kInner = 512;
  static constexpr int64_t kSiteRows = 256, kSiteGranule = kSplitPanel / 2;
  static constexpr int64_t kRowBlock = kSplitPanel;

  class Columns {
   public:
    Columns(int64_t k, int64_t n) : panels_(n, k) {}
    void load_transposed(const float* x, int64_t stride, int64_t rows, int64_t k, int64_t) {
      for (int64_t row = 0; row < rows; row += kSplitPanel) {
        split_columns_transposed(x + row * stride, stride, std::min(kSplitPanel, rows - row), k,
                                 panels_.panel(row, k));
      }
    }
    void load(int64_t first, const float* rows, int64_t count, int64_t n, int64_t k) {
      for (int64_t column = 0; column < n; column += kSplitPanel) {
        split_step(rows + column, n, count, std::min(kSplitPanel, n - column),
                   panels_.panel(column, k) + first / kSplitPanel * kSplitStep);
      }
    }
    const Bfloat16* data() const { return panels_.data(); }

   private:
    SplitPanels panels_;
  };

  class Rows {
   public:
    Rows(int64_t rows, int64_t k) : panels_(rows, k) {}
    void load(const float* x, int64_t stride, int64_t rows, int64_t k) {
      load_block(0, x, stride, rows, k);
    }
    void load_block(int64_t first, const float* x, int64_t stride, int64_t rows, int64_t k) {
      for (int64_t row = 0; row < rows; row += kSplitPanel) {
        split_rows(x + row * stride, stride, std::min(kSplitPanel, rows - row), k,
                   panels_.panel(first + row, k));
      }
    }
    const Bfloat16* data() const { return panels_.data(); }

   private:
    SplitPanels panels_;
  };

  /// Split at each product, a panel at a time, which stays in cache: cheaper than panels of all of
  /// it that are made once and come from beyond the second-level cache.
  class Weight {
   public:
    static constexpr bool kHasPanels = false;
    void set_dense(const float* weight, int64_t k, int64_t n) {
      set(weight, k, n, /*transposed=*/false);
    }
    void set_transposed(const float* weight, int64_t n, int64_t k) {
      set(weight, k, n, /*transposed=*/true);
    }
    int64_t k() const { return k_; }
    int64_t n() const { return n_; }

    /// Splits the panel that starts with column `first`.
    void split(int64_t first, Bfloat16* panel) const {
      const auto columns = std::min(kSplitPanel, n_ - first);
      if (transposed_) {
        split_columns_transposed(weight_ + first * k_, k_, columns, k_, panel);
      } else {
        split_columns(weight_ + first, n_, k_, columns, panel);
      }
    }

   private:
    void set(const float* weight, int64_t k, int64_t n, bool transposed) {
      weight_ = weight;
      k_ = k;
      n_ = n;
      transposed_ = transposed;
    }

    const float* weight_ = nullptr;
    int64_t k_ = 0, n_ = 0;
    bool transposed_ = false;
  };

  void left(const float* weight, int64_t stride, int64_t m, int64_t k, const Columns& x, int64_t n,
            float* c, bool accumulate) {
    panel_.reserve(kSplitPanel, k);
    for (int64_t row = 0; row < m; row += kSplitPanel) {
      const auto rows = std::min(kSplitPanel, m - row);
      split_rows(weight + row * stride, stride, rows, k, panel_.data());
      split_product({rows, n, k, panel_.data(), x.data(), c + row * n, n, accumulate,
                     weight + (row + kSplitPanel) * stride, stride});
    }
  }

  void right(const Rows& x, int64_t rows, int64_t k, const float* weight, int64_t stride, int64_t n,
             float* c, int64_t c_stride, bool accumulate) {
    constexpr int64_t kWidth = 2 * kSplitPanel;  // a row of W may be a page away from the next
    panel_.reserve(kWidth, k);
    for (int64_t column = 0; column < n; column += kWidth) {
      const auto columns = std::min(kWidth, n - column);
      for (int64_t row = 0; row < k; row += kSplitPanel) {
        const auto* const from = weight + row * stride + column;
        for (int64_t i = 0; i < columns; i += kSplitPanel) {
          split_step(from + i, stride, std::min(kSplitPanel, k - row),
                     std::min(kSplitPanel, columns - i),
                     panel_.panel(i, k) + row / kSplitPanel * kSplitStep);
        }
      }
      split_product({rows, columns, k, x.data(), panel_.data(), c + column, c_stride, accumulate});
    }
  }

  void times(const Rows& x, int64_t rows, const Weight& weight, float* c, bool accumulate) {
    const auto n = weight.n(), k = weight.k();
    panel_.reserve(kSplitPanel, k);
    for (int64_t column = 0; column < n; column += kSplitPanel) {
      weight.split(column, panel_.data());
      split_product({rows, std::min(kSplitPanel, n - column), k, x.data(), panel_.data(),
                     c + column, n, accumulate});
    }
  }

  void add_transposed(const float* x, int64_t x_stride, int64_t rows, int64_t k,
                      const float* weight, int64_t stride, int64_t n, float* c, int64_t c_stride) {
    left_.reserve(rows, k);
    for (int64_t row = 0; row < rows; row += kSplitPanel) {
      split_rows_transposed(x + row, x_stride, std::min(kSplitPanel, rows - row), k,
                            left_.panel(row, k));
    }
    panel_.reserve(kSplitPanel, k);
    for (int64_t column = 0; column < n; column += kSplitPanel) {
      const auto columns = std::min(kSplitPanel, n - column);
      split_columns(weight + column, stride, k, columns, panel_.data());
      split_product({rows, columns, k, left_.data(), panel_.data(), c + column, c_stride,
                     /*accumulate=*/true});
    }
  }

 private:
  AmxTiles registers_;
  SplitPanels panel_, left_;  // of a weight; of an operand that is transposed on its way
};

}  // namespace madx::cpu

#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "gemm/amx_product.h"
#include "gemm/cache.h"
#include "gemm/panel_split.h"
#include "gemm/scratch.h"

namespace madx::gemm::MADX_CAPABILITY {

/// Memory for the split panels (gemm/split.h) of an operand; no tile of it straddles cache lines.
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
  static constexpr int64_t kRowBlock = 4;

  class Columns {
   public:
    Columns(int64_t k, int64_t n) : panels_(n, k) {}
    void load_transposed(const float* x, int64_t stride, int64_t rows, int64_t k, int64_t) {
      for (int64_t row = 0; row < rows; row += kSplitPanel) {
        PanelSplit(PanelSplit::From::kColumnsTransposed, x + row * stride, stride,
                   std::min(kSplitPanel, rows - row), k, panels_.panel(row, k))
            .rest();
      }
    }
    void load(int64_t first, const float* rows, int64_t count, int64_t n, int64_t k) {
      for (int64_t column = 0; column < n; column += kSplitPanel) {
        PanelSplit(PanelSplit::From::kColumns, rows + column, n, std::min(kSplitPanel, n - column),
                   count, panels_.panel(column, k) + first / kSplitPanel * kSplitStep)
            .rest();
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
      for (int64_t row = 0; row < rows; row += kSplitPanel) {
        PanelSplit(PanelSplit::From::kRows, x + row * stride, stride,
                   std::min(kSplitPanel, rows - row), k, panels_.panel(row, k))
            .rest();
      }
    }
    void load_block(int64_t first, const float* x, int64_t stride, int64_t rows, int64_t k) {
      const auto in_panel = first % kSplitPanel;
      split_rows(x, stride, in_panel, rows, k, panels_.panel(first - in_panel, k));
    }
    const Bfloat16* data() const { return panels_.data(); }

   private:
    SplitPanels panels_;
  };

  /// Split at each product, a panel at a time, while the one before is multiplied: cheaper than
  /// panels of all of it that are made once and come from beyond the second-level cache.
  class Weight {
   public:
    static constexpr bool kHasPanels = false;
    Weight() = default;
    /// W (k, n), its rows `stride` apart.
    Weight(const float* weight, int64_t stride, int64_t k, int64_t n)
        : weight_(weight), stride_(stride), k_(k), n_(n) {}
    void set_dense(const float* weight, int64_t k, int64_t n) { *this = Weight(weight, n, k, n); }
    void set_transposed(const float* weight, int64_t n, int64_t k) {
      *this = Weight(weight, k, k, n);
      transposed_ = true;
    }
    int64_t k() const { return k_; }
    int64_t n() const { return n_; }

    /// What splits the panel that starts with column `first`.
    PanelSplit split(int64_t first, Bfloat16* panel) const {
      const auto columns = std::min(kSplitPanel, n_ - first);
      const float* const from = weight_ + (transposed_ ? first * stride_ : first);
      return {transposed_ ? PanelSplit::From::kColumnsTransposed : PanelSplit::From::kColumns,
              from,
              stride_,
              columns,
              k_,
              panel};
    }

   private:
    const float* weight_ = nullptr;
    int64_t stride_ = 0, k_ = 0, n_ = 0;
    bool transposed_ = false;
  };

  void left(const float* weight, int64_t stride, int64_t m, int64_t k, const Columns& x, int64_t n,
            float* c, bool accumulate) {
    for_each_panel(
        m, k,
        [&](int64_t row, Bfloat16* panel) {
          return PanelSplit(PanelSplit::From::kRows, weight + row * stride, stride,
                            std::min(kSplitPanel, m - row), k, panel);
        },
        [&](int64_t row, const Bfloat16* panel, PanelSplit* meanwhile) {
          split_product({std::min(kSplitPanel, m - row), n, k, panel, x.data(), c + row * n, n,
                         accumulate, meanwhile});
        });
  }

  void right(const Rows& x, int64_t rows, int64_t k, const float* weight, int64_t stride, int64_t n,
             float* c, int64_t c_stride, bool accumulate) {
    multiply(x.data(), rows, Weight(weight, stride, k, n), c, c_stride, accumulate);
  }

  void times(const Rows& x, int64_t rows, const Weight& weight, float* c, bool accumulate) {
    multiply(x.data(), rows, weight, c, weight.n(), accumulate);
  }

  void add_transposed(const float* x, int64_t x_stride, int64_t rows, int64_t k,
                      const float* weight, int64_t stride, int64_t n, float* c, int64_t c_stride) {
    left_.reserve(rows, k);
    for (int64_t row = 0; row < rows; row += kSplitPanel)
      split_transposed(x + row, x_stride, std::min(kSplitPanel, rows - row), k,
                       left_.panel(row, k));
    multiply(left_.data(), rows, Weight(weight, stride, k, n), c, c_stride, /*accumulate=*/true);
  }

 private:
  /// A panel of A = X^T, X k x `rows`.
  static void split_transposed(const float* x, int64_t stride, int64_t rows, int64_t k,
                               Bfloat16* panel) {
    alignas(64) float step[kSplitPanel * kSplitPanel];
    for (int64_t row = 0; row < k; row += kSplitPanel, panel += kSplitStep) {
      const auto high = std::min(kSplitPanel, k - row);
      transpose(x + row * stride, stride, high, rows, step, kSplitPanel);
      PanelSplit(PanelSplit::From::kRows, step, kSplitPanel, rows, high, panel).rest();
    }
  }

  /// C (rows, n) = A W, or added to C; A split (rows, k).
  void multiply(const Bfloat16* a, int64_t rows, const Weight& weight, float* c, int64_t c_stride,
                bool accumulate) {
    const auto n = weight.n(), k = weight.k();
    for_each_panel(
        n, k, [&](int64_t column, Bfloat16* panel) { return weight.split(column, panel); },
        [&](int64_t column, const Bfloat16* panel, PanelSplit* meanwhile) {
          split_product({rows, std::min(kSplitPanel, n - column), k, a, panel, c + column, c_stride,
                         accumulate, meanwhile});
        });
  }

  /// `use` of each panel of an operand of `size` rows or columns; it splits the next one meanwhile.
  template <class Split, class Use>
  void for_each_panel(int64_t size, int64_t k, Split&& split, Use&& use) {
    panel_.reserve(kSplitPanel, k);
    next_.reserve(kSplitPanel, k);
    split(0, panel_.data()).rest();
    for (int64_t first = 0; first < size; first += kSplitPanel) {
      if (first + kSplitPanel < size) {
        auto next = split(first + kSplitPanel, next_.data());
        use(first, panel_.data(), &next);
      } else {
        use(first, panel_.data(), nullptr);
      }
      std::swap(panel_, next_);
    }
  }

  AmxTiles registers_;
  SplitPanels panel_, next_;  // of a weight
  SplitPanels left_;          // of an operand that is transposed on its way
};

}  // namespace madx::gemm::MADX_CAPABILITY

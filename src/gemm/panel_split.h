#pragma once

#include <algorithm>
#include <cstdint>

#include "gemm/split.h"
#include "gemm/transpose.h"

namespace madx::gemm::MADX_CAPABILITY {

/// A pair of nothing: the parts of zero.
inline void split_zeros(Bfloat16* to) {
  constexpr float kZeros[kSplitPanel / 2] = {};
  split_pairs(kZeros, kZeros, to);
}

/// Splits what one step has of a row of A, `wide` numbers or 32 of them; beyond, there are zeros.
inline void split_row(const float* from, int64_t wide, Bfloat16* to) {
  constexpr int64_t kHalf = kSplitPanel / 2;
  if (wide >= kSplitPanel) return split_pairs(from, from + kHalf, to);
  float padded[kSplitPanel] = {};
  std::copy_n(from, wide, padded);
  split_pairs(padded, padded + kHalf, to);
}

/// Splits rows [first, first + count) of a panel of A alone: `count` x k.
inline void split_rows(const float* a, int64_t stride, int64_t first, int64_t count, int64_t k,
                       Bfloat16* panel) {
  for (int64_t step = 0; step < k; step += kSplitPanel, panel += kSplitStep)
    for (int64_t row = 0; row < count; ++row)
      split_row(a + row * stride + step, k - step, panel + (first + row) * kSplitPanel);
}

/// Splits one panel of an operand, in pieces: eight to a step. So a panel can be split while the
/// matrix units multiply the one before, which leave most of what else a core can do unused.
class PanelSplit {
 public:
  /// What the panel is made of.
  enum class From {
    kRows,              ///< of A, its rows: `size` x k
    kColumns,           ///< of B, its rows: k x `size`
    kColumnsTransposed  ///< of B = X^T, X's rows: `size` x k
  };
  static constexpr int64_t kPieces = 8;

  /// `size` is at most 32; rows are `stride` apart.
  PanelSplit(From from, const float* x, int64_t stride, int64_t size, int64_t k, Bfloat16* panel)
      : from_(from),
        x_(x),
        stride_(stride),
        size_(size),
        k_(k),
        panel_(panel),
        pieces_(split_steps(k) * kPieces) {}

  int64_t pieces() const { return pieces_; }

  /// Splits the next piece.
  void next() {
    step_ = done_ / kPieces * kSplitPanel;
    const auto piece = done_++ % kPieces;
    Bfloat16* const to = panel_ + step_ / kSplitPanel * kSplitStep;
    if (from_ == From::kRows) return rows(piece, to);
    const bool whole_tiles = size_ % kHalf == 0 && step_ + kSplitPanel <= k_;
    if (!whole_tiles) {
      if (piece + 1 == kPieces) edge(to);
    } else if (from_ == From::kColumns) {
      columns(piece, to);
    } else {
      columns_transposed(piece, to);
    }
  }

  /// Splits all pieces that are left.
  void rest() {
    while (done_ < pieces_) next();
  }

 private:
  static constexpr int64_t kHalf = kSplitPanel / 2;

  /// Starts to bring into cache what will be split two steps later, at the panel's end of the panel
  /// after it. Past the end of all it does no harm.
  void prefetch(const float* at, int64_t to_next_panel, int64_t to_next_row) const {
    constexpr int64_t kAhead = 2 * kSplitPanel, kLine = 16;
    const auto after = step_ + kAhead - split_steps(k_) * kSplitPanel;
    const auto* const line =
        after < 0 ? at + kAhead * to_next_row : at + to_next_panel + (after - step_) * to_next_row;
    __builtin_prefetch(line);
    __builtin_prefetch(line + kLine);
  }

  /// Four rows; of 16 rows of A or fewer, there is the first tile alone.
  void rows(int64_t piece, Bfloat16* to) const {
    constexpr int64_t kRows = kSplitPanel / kPieces;
    const auto read = size_ > kHalf ? kSplitPanel : kHalf;
    for (auto row = piece * kRows; row < std::min(read, (piece + 1) * kRows); ++row) {
      Bfloat16* const row_to = to + row * kSplitPanel;
      if (row >= size_) {
        split_row(nullptr, 0, row_to);
        continue;
      }
      const float* const from = x_ + row * stride_ + step_;
      prefetch(from, kSplitPanel * stride_, 1);
      split_row(from, k_ - step_, row_to);
    }
  }

  /// Two of the 16 pairs of rows.
  void columns(int64_t piece, Bfloat16* to) const {
    constexpr int64_t kPairs = kHalf / kPieces;
    for (auto pair = piece * kPairs; pair < (piece + 1) * kPairs; ++pair) {
      const float *const first = x_ + (step_ + pair) * stride_, *const second =
                                                                    first + kHalf * stride_;
      prefetch(first, kSplitPanel, stride_);
      prefetch(second, kSplitPanel, stride_);
      split_pairs(first, second, to + pair * kSplitPanel);
      Bfloat16* const right = to + kSplitTile + pair * kSplitPanel;
      if (size_ > kHalf) {
        split_pairs(first + kHalf, second + kHalf, right);
      } else {
        split_zeros(right);
      }
    }
  }

  /// A quarter of what 16 columns need: one of two tiles to transpose, or eight of their 16 pairs.
  void columns_transposed(int64_t piece, Bfloat16* to) {
    constexpr int64_t kQuarters = kPieces / 2, kPairs = 8;
    const auto half = piece / kQuarters, quarter = piece % kQuarters;
    const bool is_there = half * kHalf < size_;
    if (quarter < 2) {
      if (!is_there) return;
      const float* const from = x_ + half * kHalf * stride_ + step_ + quarter * kHalf;
      if (quarter == 0) {
        for (int64_t row = 0; row < kHalf; ++row)
          prefetch(from + row * stride_, kSplitPanel * stride_, 1);
      }
      const TransposedTile tile(from, stride_, kHalf, kHalf);
      for (int64_t row = 0; row < kHalf; ++row)
        std::copy_n(tile.row(row), kHalf, transposed_ + (quarter * kHalf + row) * kHalf);
      return;
    }
    for (auto pair = (quarter - 2) * kPairs; pair < (quarter - 1) * kPairs; ++pair) {
      Bfloat16* const pair_to = to + half * kSplitTile + pair * kSplitPanel;
      if (is_there) {
        split_pairs(transposed_ + pair * kHalf, transposed_ + (kHalf + pair) * kHalf, pair_to);
      } else {
        split_zeros(pair_to);
      }
    }
  }

  /// A step of B that has tiles that are not whole.
  void edge(Bfloat16* to) const {
    alignas(64) float padded[kSplitPanel * kSplitPanel] = {};
    const auto deep = std::min(kSplitPanel, k_ - step_);
    if (from_ == From::kColumns) {
      for (int64_t row = 0; row < deep; ++row)
        std::copy_n(x_ + (step_ + row) * stride_, size_, padded + row * kSplitPanel);
    } else {
      transpose(x_ + step_, stride_, size_, deep, padded, kSplitPanel);
    }
    PanelSplit(From::kColumns, padded, kSplitPanel, kSplitPanel, kSplitPanel, to).rest();
  }

  From from_;
  const float* x_;
  int64_t stride_, size_, k_;
  Bfloat16* panel_;
  int64_t pieces_, done_ = 0;  // in all, and those that are split
  int64_t step_ = 0;           // where along k the step of the piece at hand begins
  alignas(64) float transposed_[kSplitPanel * kHalf];
};

}  // namespace madx::gemm::MADX_CAPABILITY

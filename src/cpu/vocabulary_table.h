#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/bfloat16_round.h"
#include "cpu/gemm.h"

namespace madx::cpu::MADX_CAPABILITY {

/// The output embedding W (vocabulary, hidden) in float32, and its two products for a block of rows
/// of x: logits of a panel of words, and what their shares add to the gradient by x.
template <class Products>
class FloatTable {
 public:
  /// Words of the vocabulary that go through both products while they are in cache.
  static constexpr int64_t kPanel = 64;
  /// A block of rows is padded to a multiple of this.
  static constexpr int64_t kRows = Products::kGranule;
  /// What a thread has for itself.
  struct PerThread {
    explicit PerThread(const FloatTable&) {}
    Products products;
  };

  FloatTable(const float* weight, int64_t hidden, int64_t most_rows)
      : weight_(weight), hidden_(hidden), x_(hidden, most_rows + kRows) {}

  void take_rows(const float* x, int64_t rows, int64_t width) {
    x_.load_transposed(x, hidden_, rows, hidden_, width);
    rows_ = rows;
    width_ = width;
  }
  /// logits (words, width) = W x^T, of the words from `first` on.
  void logits(int64_t first, int64_t words, PerThread& mine, float* logits) const {
    mine.products.left(weight_ + first * hidden_, hidden_, words, hidden_, x_, width_, logits,
                       /*accumulate=*/false);
  }
  /// gradient (rows, hidden) += shares (words, width)^T W
  void gradient(int64_t first, int64_t words, const float* shares, PerThread& mine,
                float* gradient) const {
    mine.products.add_transposed(shares, width_, rows_, words, weight_ + first * hidden_, hidden_,
                                 hidden_, gradient, hidden_);
  }
  void subtract(int64_t word, float* row) const {
    const float* from = weight_ + word * hidden_;
#pragma omp simd
    for (int64_t i = 0; i < hidden_; ++i) row[i] -= from[i];
  }

 private:
  const float* weight_;
  int64_t hidden_;
  int64_t rows_ = 0, width_ = 0;
  typename Products::Columns x_;  // the block's transpose
};

/// The same in bfloat16.
class Bfloat16Table {
 public:
  static constexpr int64_t kPanel = 128;
  static constexpr int64_t kRows = kBfloat16Granule;
  struct PerThread {
    explicit PerThread(const Bfloat16Table& table)
        : shares(static_cast<size_t>(table.width_ * kPanel)),
          packed(static_cast<size_t>(table.hidden_ * kPanel)),
          words(packed.size()) {}
    AmxTiles registers;
    std::vector<Bfloat16> shares;  // (width, kPanel)
    std::vector<Bfloat16> packed;  // W of the panel at hand
    std::vector<Bfloat16> words;   // and as it lies, for the last panel
  };

  Bfloat16Table(const Bfloat16* weight, int64_t hidden, int64_t most_rows)
      : weight_(weight), hidden_(hidden) {
    const auto width = (most_rows + kRows - 1) / kRows * kRows;
    rounded_.resize(static_cast<size_t>(width * hidden));
    x_.resize(rounded_.size());
  }

  void take_rows(const float* x, int64_t rows, int64_t width) {
    rows_ = rows;
    width_ = width;
    to_bfloat16(x, rows * hidden_, rounded_.data());
    std::fill(rounded_.begin() + rows * hidden_, rounded_.end(), Bfloat16{0});
    pack_transposed(rounded_.data(), width, hidden_, x_.data());
  }
  void logits(int64_t first, int64_t words, PerThread& mine, float* logits) const {
    const auto* from = weight_ + first * hidden_;
    if (words % kBfloat16Granule != 0) {  // the last panel, of which whole tiles cannot be read
      std::copy_n(from, words * hidden_, mine.words.begin());
      from = mine.words.data();
    }
    bfloat16_product({words, width_, hidden_, from, hidden_, x_.data(), kBfloat16Granule * hidden_,
                      logits, width_});
  }
  void gradient(int64_t first, int64_t words, const float* shares, PerThread& mine,
                float* gradient) const {
    const auto depth = (words + kBfloat16Granule - 1) / kBfloat16Granule * kBfloat16Granule;
    std::fill(mine.shares.begin(), mine.shares.end(), Bfloat16{0});
    constexpr auto kSize = TransposedTile::kSize;
    for (int64_t word = 0; word < words; word += kSize) {
      const auto high = std::min(kSize, words - word);
      for (int64_t row = 0; row < rows_; row += kSize) {
        const TransposedTile tile(shares + word * width_ + row, width_, high, kSize);
        for (int64_t i = 0; i < std::min(kSize, rows_ - row); ++i)
          to_bfloat16(tile.row(i), kSize, mine.shares.data() + (row + i) * kPanel + word);
      }
    }
    pack(weight_ + first * hidden_, words, hidden_, hidden_, depth, mine.packed.data());
    bfloat16_product({rows_, hidden_, depth, mine.shares.data(), kPanel, mine.packed.data(),
                      kBfloat16Granule * depth, gradient, hidden_, /*accumulate=*/true});
  }
  void subtract(int64_t word, float* row) const {
    const Bfloat16* from = weight_ + word * hidden_;
#pragma omp simd
    for (int64_t i = 0; i < hidden_; ++i) row[i] -= to_float(from[i]);
  }

 private:
  const Bfloat16* weight_;
  int64_t hidden_;
  int64_t rows_ = 0, width_ = 0;
  std::vector<Bfloat16> rounded_, x_;  // the block of rows, and x^T packed
};

}  // namespace madx::cpu::MADX_CAPABILITY

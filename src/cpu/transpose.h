#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/prefetch.h"

namespace madx::cpu {

/// Rows in scratch, of which there are a multiple of 16: products need few sizes, and are fast.
inline int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

/// A 16 x 16 tile on its way to its transpose. Element (r, c) lies at 16 r + c; interleaving both
/// halves of the tile rotates the 8 bits of that number by one, so four times swaps r and c. A loop
/// that interleaves is vector code, one that transposes is not.
class TransposedTile {
 public:
  static constexpr int64_t kSize = 16;

  /// The transpose of `rows` x `columns` of a matrix and zeros, both at most 16.
  TransposedTile(const float* from, int64_t stride, int64_t rows, int64_t columns) {
    if (rows == kSize && columns == kSize) {
      for (int64_t i = 0; i < kSize; ++i) std::copy_n(from + i * stride, kSize, data_ + i * kSize);
    } else {
      std::fill_n(data_, kSize * kSize, 0.0f);
      for (int64_t i = 0; i < rows; ++i) std::copy_n(from + i * stride, columns, data_ + i * kSize);
    }
    alignas(64) float other[kSize * kSize];
    interleave(data_, other);
    interleave(other, data_);
    interleave(data_, other);
    interleave(other, data_);
  }

  const float* row(int64_t i) const { return data_ + i * kSize; }

 private:
  static void interleave(const float* __restrict__ from, float* __restrict__ to) {
    constexpr int64_t kHalf = kSize * kSize / 2;
    for (int64_t i = 0; i < kHalf; ++i) {
      to[2 * i] = from[i];
      to[2 * i + 1] = from[kHalf + i];
    }
  }

  alignas(64) float data_[kSize * kSize];
};

/// (rows, columns), rows `stride` apart -> its transpose (columns, to_stride). `to_stride` is at
/// least `rows` up to a multiple of 16: the columns up to there are zeros.
inline void transpose(const float* from, int64_t stride, int64_t rows, int64_t columns, float* to,
                      int64_t to_stride) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t r = 0; r < rows; r += kSize) {
    const auto high = std::min(kSize, rows - r);
    for (int64_t i = 0; i < high; ++i) prefetch_ahead(from + (r + i) * stride, stride, columns);
    for (int64_t c = 0; c < columns; c += kSize) {
      const auto wide = std::min(kSize, columns - c);
      const TransposedTile tile(from + r * stride + c, stride, high, wide);
      for (int64_t i = 0; i < wide; ++i)
        std::copy_n(tile.row(i), kSize, to + (c + i) * to_stride + r);
    }
  }
}

}  // namespace madx::cpu

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "gemm/prefetch.h"

namespace madx::gemm::MADX_CAPABILITY {

/// Rows in scratch, of which there are a multiple of 16: products need few sizes, and are fast.
inline int64_t padded(int64_t count) { return (count + 15) / 16 * 16; }

/// A 16 x 16 tile on its way to its transpose, each row a vector. Element (r, c) has the number
/// 16 r + c; interleaving both halves of the tile rotates the 8 bits of that number by one, so four
/// times swaps r and c.
class TransposedTile {
 public:
  static constexpr int64_t kSize = 16;

  /// The transpose of `rows` x `columns` of a matrix and zeros, both at most 16.
  TransposedTile(const float* from, int64_t stride, int64_t rows, int64_t columns) {
    if (rows == kSize && columns == kSize) {
#pragma GCC unroll 16
      for (int64_t i = 0; i < kSize; ++i)
        std::memcpy(&rows_[i], from + i * stride, sizeof rows_[i]);
    } else {
      std::memset(rows_, 0, sizeof rows_);
      for (int64_t i = 0; i < rows; ++i)
        std::memcpy(&rows_[i], from + i * stride, static_cast<size_t>(columns) * sizeof(float));
    }
    Row other[kSize];
    interleave(rows_, other);
    interleave(other, rows_);
    interleave(rows_, other);
    interleave(other, rows_);
  }

  const float* row(int64_t i) const { return reinterpret_cast<const float*>(&rows_[i]); }

 private:
  typedef float Row __attribute__((vector_size(kSize * sizeof(float)), may_alias));

  static void interleave(const Row (&from)[kSize], Row (&to)[kSize]) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < kSize / 2; ++i) {
      const Row a = from[i], b = from[kSize / 2 + i];
      to[2 * i] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      to[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                              14, 30, 15, 31);
    }
  }

  Row rows_[kSize];
};

/// At most 16 rows of (rows, columns), `stride` apart -> 16 columns of its transpose, whose rows
/// are `to_stride` apart: those beyond `rows` are zeros.
inline void transpose_strip(const float* from, int64_t stride, int64_t rows, int64_t columns,
                            float* to, int64_t to_stride) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t c = 0; c < columns; c += kSize) {
    const auto wide = std::min(kSize, columns - c);
    const TransposedTile tile(from + c, stride, rows, wide);
    for (int64_t i = 0; i < wide; ++i) std::copy_n(tile.row(i), kSize, to + (c + i) * to_stride);
  }
}

/// (rows, columns), rows `stride` apart -> its transpose (columns, to_stride). `to_stride` is at
/// least `rows` up to a multiple of 16: the columns up to there are zeros. For a few columns of
/// long rows (prefetch_ahead).
inline void transpose(const float* from, int64_t stride, int64_t rows, int64_t columns, float* to,
                      int64_t to_stride) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t r = 0; r < rows; r += kSize) {
    const auto high = std::min(kSize, rows - r);
    for (int64_t i = 0; i < high; ++i) prefetch_ahead(from + (r + i) * stride, stride, columns);
    transpose_strip(from + r * stride, stride, high, columns, to + r, to_stride);
  }
}

}  // namespace madx::gemm::MADX_CAPABILITY

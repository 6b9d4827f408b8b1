#pragma once

#include <algorithm>
#include <cstdint>

#include "gemm/transpose.h"

namespace madx::gemm::MADX_CAPABILITY {

/// Outputs taken at a time: a tile's part of them stays in a core's second-level cache.
constexpr int64_t kOutputBlock = 256;

/// Weights are (out, in) and stay so. A product then runs along vectors only if the vectors are
/// rows of x: a tile is transposed on its way in and its result on its way out, and every layer
/// between is C (out, tile) = W (out, in) X^T (in, tile).

/// Rows of a matrix -> (columns, tile); `tile` is a multiple of 16, columns beyond `rows` up to the
/// next such multiple are zeros.
inline void load_transposed(const float* x, int64_t stride, int64_t rows, int64_t columns,
                            int64_t tile, float* transposed) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t r = 0; r < rows; r += kSize)
    transpose_strip(x + r * stride, stride, std::min(kSize, rows - r), columns, transposed + r,
                    tile);
}

/// (columns, tile) -> rows of a matrix, `bias` (columns) added where it is not null.
inline void store_transposed(const float* transposed, int64_t tile, int64_t rows, int64_t columns,
                             const float* bias, float* y, int64_t stride) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t c = 0; c < columns; c += kSize) {
    const auto wide = std::min(kSize, columns - c);
    for (int64_t r = 0; r < rows; r += kSize) {
      const auto high = std::min(kSize, rows - r);
      const TransposedTile block(transposed + c * tile + r, tile, wide, high);
      for (int64_t i = 0; i < high; ++i) {
        float* const to = y + (r + i) * stride + c;
        if (bias == nullptr) {
          std::copy_n(block.row(i), wide, to);
        } else {
          for (int64_t j = 0; j < wide; ++j) to[j] = block.row(i)[j] + bias[c + j];
        }
      }
    }
  }
}

}  // namespace madx::gemm::MADX_CAPABILITY

#pragma once

#include <algorithm>
#include <cstdint>

namespace madx::cpu {

/// Cuts rows into tiles of equal size, as many for each thread as for the others.
struct RowTiles {
  /// Rows of scratch a tile needs: a multiple of a vector's 16 elements, so few sizes of products
  /// exist.
  int64_t size = 0, count = 0, rows;

  /// Takes the size, up to `largest`, at which the busiest thread has the least work: rows up to the
  /// multiple of 16, and what each tile costs beside (some four rows).
  RowTiles(int64_t rows_, int threads, int64_t largest) : rows(rows_) {
    constexpr int64_t kVector = 16, kTileCost = 4;
    int64_t least = 0;
    for (auto candidate = largest; candidate > 0; candidate -= kVector) {
      const auto tiles = (rows + candidate - 1) / candidate;
      const auto cost = (tiles + threads - 1) / threads * (candidate + kTileCost);
      if (size != 0 && cost >= least) continue;
      size = candidate;
      count = tiles;
      least = cost;
    }
  }
  int64_t first(int64_t tile) const { return tile * size; }
  /// Rows that tile has; the last one may have fewer than `size`.
  int64_t rows_of(int64_t tile) const { return std::min(size, rows - first(tile)); }
};

}  // namespace madx::cpu

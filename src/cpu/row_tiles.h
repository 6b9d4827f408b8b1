#pragma once

#include <algorithm>
#include <cstdint>

namespace madx::cpu::MADX_CAPABILITY {

/// Cuts rows into tiles that threads take in turn (`schedule(static, 1)`), such that the busiest
/// thread has little more than its share. Tiles have one of two sizes, the first ones the larger.
class RowTiles {
 public:
  /// Sizes are multiples of `granule` up to `largest`. Few sizes mean few products to compile.
  RowTiles(int64_t rows, int threads, int64_t largest, int64_t granule)
      : rows_(rows), granule_(granule), threads_(threads) {
    constexpr int64_t kTileCost = 4;  // what a tile costs beside its rows, in rows
    const auto granules = (rows + granule - 1) / granule;
    const auto fewest = (granules * granule + largest - 1) / largest;
    int64_t least = 0;
    for (auto tiles = fewest; tiles > 0 && tiles <= std::min(granules, 2 * fewest + threads);
         ++tiles) {
      const auto low = granules / tiles, higher = granules % tiles;
      const auto turns = (tiles + threads - 1) / threads;  // of the first thread
      const auto cost =
          granule * (turns * low + (higher + threads - 1) / threads) + kTileCost * turns;
      if (count_ != 0 && cost >= least) continue;
      least = cost;
      count_ = tiles;
      size_ = granule * (low + (higher > 0));
      larger_ = higher > 0 ? higher : tiles;
    }
  }

  int64_t count() const { return count_; }
  /// Threads that have a tile: no more take part, nor get memory to work in.
  int threads() const { return static_cast<int>(std::min<int64_t>(threads_, count_)); }
  /// The larger of the two sizes; the other is one granule less.
  int64_t size() const { return size_; }
  bool is_larger(int64_t tile) const { return tile < larger_; }
  int64_t size_of(int64_t tile) const { return is_larger(tile) ? size_ : size_ - granule_; }
  int64_t first(int64_t tile) const {
    return tile * size_ - std::max<int64_t>(0, tile - larger_) * granule_;
  }
  /// Rows that the tile has: its size, or fewer in the last one.
  int64_t rows_of(int64_t tile) const { return std::min(size_of(tile), rows_ - first(tile)); }

 private:
  int64_t rows_, granule_;
  int threads_;
  int64_t count_ = 0, size_ = 0, larger_ = 0;
};

}  // namespace madx::cpu::MADX_CAPABILITY

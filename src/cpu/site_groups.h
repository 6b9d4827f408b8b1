#pragma once

#include <algorithm>
#include <vector>

#include "cpu/row_tiles.h"
#include "cpu/site_tile.h"

namespace madx::cpu::MADX_CAPABILITY {

/// The groups of a site and the tiles that their rows are cut into: no tile has rows of two groups.
class SiteGroups {
 public:
  struct Tile {
    int64_t first, rows;
    int64_t size;  ///< the rows that its products are made for
  };

  /// Tiles have at most `largest` rows, in steps of `granule`.
  SiteGroups(const SiteProblem& problem, int threads, int64_t largest, int64_t granule)
      : groups_(problem.groups) {
    size_t steps = 0;
    for (const auto& group : groups_) {
      tiles_.emplace_back(group.rows, threads, largest, granule);
      first_steps_.push_back(steps);
      steps += group.adapters.size();
      threads_ = std::max(threads_, tiles_.back().threads());
      largest_tile_ = std::max(largest_tile_, tiles_.back().size());
    }
  }

  size_t count() const { return groups_.size(); }
  const IndexedSiteGroup& operator[](size_t group) const { return groups_[group]; }
  /// The number of the group's first step among all groups' steps.
  size_t first_step(size_t group) const { return first_steps_[group]; }
  int64_t largest_tile() const { return largest_tile_; }

  int64_t tiles_of(size_t group) const { return tiles_[group].count(); }
  /// A group's tile that is at `place` in turn, `schedule(static, 1)`. Groups start at different
  /// tiles: the first one is the largest, and should not always be the same thread's.
  Tile tile(size_t group, int64_t place) const {
    const auto& tiles = tiles_[group];
    const auto tile = (place + static_cast<int64_t>(group)) % tiles.count();
    return {groups_[group].first + tiles.first(tile), tiles.rows_of(tile), tiles.size_of(tile)};
  }
  /// Threads that have a tile.
  int threads() const { return threads_; }

 private:
  const std::vector<IndexedSiteGroup>& groups_;
  std::vector<RowTiles> tiles_;
  std::vector<size_t> first_steps_;
  int threads_ = 0;
  int64_t largest_tile_ = 0;
};

}  // namespace madx::cpu::MADX_CAPABILITY

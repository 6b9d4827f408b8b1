#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "cpu/row_tiles.h"
#include "cpu/site_tile.h"

namespace madx::cpu {

/// The groups of a site and the tiles that their rows are cut into: no tile has rows of two groups.
class SiteGroups {
 public:
  struct Tile {
    size_t group;
    int64_t first, rows;
  };

  /// Tiles have at most `largest` rows, in steps of `granule`.
  SiteGroups(const SiteProblem& problem, int threads, int64_t largest, int64_t granule)
      : groups_(problem.groups) {
    if (groups_.empty()) {
      std::vector<size_t> all(problem.adapters.size());
      std::iota(all.begin(), all.end(), size_t{0});
      groups_.push_back({0, problem.rows, std::move(all)});
    }
    size_t steps = 0;
    for (size_t group = 0; group < groups_.size(); ++group) {
      const RowTiles tiles(groups_[group].rows, threads, largest, granule);
      for (int64_t tile = 0; tile < tiles.count(); ++tile)
        tiles_.push_back({group, groups_[group].first + tiles.first(tile), tiles.rows_of(tile)});
      sizes_.push_back(tiles.size());
      first_steps_.push_back(steps);
      steps += groups_[group].adapters.size();
    }
    threads_ = std::min(threads, static_cast<int>(tiles_.size()));
  }

  size_t count() const { return groups_.size(); }
  const SiteGroup& operator[](size_t group) const { return groups_[group]; }
  /// The number of the group's first step among all groups' steps.
  size_t first_step(size_t group) const { return first_steps_[group]; }
  /// The rows that products of this group's tiles are made for: no tile has more.
  int64_t tile_size(size_t group) const { return sizes_[group]; }
  int64_t largest_tile() const { return *std::max_element(sizes_.begin(), sizes_.end()); }

  /// Threads take them in turn: `schedule(static, 1)`.
  const std::vector<Tile>& tiles() const { return tiles_; }
  /// Threads that have a tile.
  int threads() const { return threads_; }

 private:
  std::vector<SiteGroup> groups_;
  std::vector<int64_t> sizes_;
  std::vector<size_t> first_steps_;
  std::vector<Tile> tiles_;
  int threads_ = 0;
};

}  // namespace madx::cpu

#pragma once

#include "cuda/product.cuh"

namespace madx::cuda {

/// Neighbouring rows with the same adapters: a language of a mixed batch. A launch has some by
/// value in its parameters, which are limited to 4 KB.
template <class Adapter, int kAdapters>
struct Group {
  int64_t first_row, end_row;
  int64_t first_block;
  int levels;
  int lowest = 0;  ///< the level at which a backward pass ends
  Adapter adapters[kAdapters];
};

template <class Adapter, int kAdapters, int kGroups>
struct Groups {
  static constexpr int kMostGroups = kGroups;
  using Each = Group<Adapter, kAdapters>;
  int count = 0;
  Each groups[kGroups];

  MADX_DEVICE const Each& of_block(int64_t block) const {
    int index = 0;
    while (index + 1 < count && groups[index + 1].first_block <= block) ++index;
    return groups[index];
  }
};

/// The rows of one block: no tile straddles two groups.
template <int kRows>
struct BlockRows {
  int64_t first;
  int count;

  template <class Group>
  MADX_DEVICE explicit BlockRows(const Group& group)
      : first(group.first_row + (static_cast<int64_t>(blockIdx.x) - group.first_block) * kRows),
        count(static_cast<int>(group.end_row - first < kRows ? group.end_row - first : kRows)) {}
};

}  // namespace madx::cuda

#pragma once

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace madx {

/// Where each sequence of packed rows begins, and where the last one ends: sequence s owns rows
/// [offsets[s], offsets[s + 1]).
using RowOffsets = std::vector<int64_t>;

/// Throws c10::Error where they do not begin with 0 or fall somewhere: kernels take them as they
/// are.
inline void check_offsets(const char* op, const RowOffsets& offsets) {
  TORCH_CHECK(
      !offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()),
      op, ": expected offsets that begin with 0 and never fall, but got ", offsets);
}

}  // namespace madx

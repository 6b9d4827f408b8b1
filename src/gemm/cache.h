#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace madx::gemm::MADX_CAPABILITY {

/// Bytes of a core's second-level cache; 1 MB where the system does not say.
inline int64_t second_level_cache() {
  static const int64_t size = [] {
    const long told = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
    return told > 0 ? int64_t{told} : int64_t{1} << 20;
  }();
  return size;
}

/// How many rows a tile may have, in steps of 32, such that `floats` a row of them take three
/// quarters of a core's second-level cache: more rows read a weight less often, and too many push
/// each other out.
inline int64_t rows_in_cache(int64_t floats, int64_t most = 192) {
  constexpr int64_t kStep = 32;
  const auto rows = second_level_cache() * 3 / 4 / (floats * static_cast<int64_t>(sizeof(float)));
  return std::clamp(rows / kStep * kStep, kStep, most);
}

}  // namespace madx::gemm::MADX_CAPABILITY

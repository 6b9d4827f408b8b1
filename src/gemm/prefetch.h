#pragma once

#include <cstdint>

namespace madx::gemm::MADX_CAPABILITY {

/// Starts to bring into cache what lies 16 rows after `width` floats at `row`. For a few columns of
/// long rows, which lie too far apart for the processor to guess. Past the end it does no harm.
inline void prefetch_ahead(const float* row, int64_t stride, int64_t width) {
  constexpr int64_t kRows = 16, kLine = 16;
  for (int64_t j = 0; j < width; j += kLine) __builtin_prefetch(row + kRows * stride + j);
}

}  // namespace madx::gemm::MADX_CAPABILITY

#pragma once

#include <cstdint>

namespace madx::gemm {

/// Whether this processor multiplies int8 faster than float32 here: with the capability kAvx2 or
/// more in force (madx/gemm/capability.h). Sums are exact and the same whichever units do it.
bool has_int8_products();

/// Sizes of matrices in int8 are multiples of this.
constexpr int64_t kInt8Granule = 16;

/// A frozen right operand B (k, n) in int8, B[i][j] ~ scales[j] q[i][j] with q in [-127, 127]. Its
/// panels of 16 columns are (n / 16, k / 4, 16, 4): four elements of a column that meet four of
/// A's, side by side.
struct Int8Matrix {
  const int8_t* panels;  ///< (n / 16, k / 4, 16, 4)
  int64_t panel;         ///< bytes from one panel to the next: 16 k, or more for a part of B's rows
  const float* scales;   ///< (n)
};

}  // namespace madx::gemm

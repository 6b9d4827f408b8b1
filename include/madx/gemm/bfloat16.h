#pragma once

#include <cstdint>

namespace madx::gemm {

/// The bits of a bfloat16: the upper half of a float32's.
using Bfloat16 = uint16_t;

/// Whether this processor multiplies bfloat16 faster than float32 here: it has matrix units for it
/// (AMX) or dot products of it (AVX512-BF16), and the capability in force has them
/// (madx/gemm/capability.h).
bool has_bfloat16_products();

/// Sizes of matrices in bfloat16 are multiples of this.
constexpr int64_t kBfloat16Granule = 32;

}  // namespace madx::gemm

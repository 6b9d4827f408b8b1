#pragma once

#include <cstdint>

namespace madx::gemm {

/// The bits of a bfloat16: the upper half of a float32's.
using Bfloat16 = uint16_t;

/// Whether this processor and system have matrix units for bfloat16 (AMX) and the capability in
/// force has them (madx/gemm/capability.h). Without them products of bfloat16 are slower here than
/// those of float32.
bool has_bfloat16_products();

/// Sizes of matrices in bfloat16 are multiples of this.
constexpr int64_t kBfloat16Granule = 32;

}  // namespace madx::gemm

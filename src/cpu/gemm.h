#pragma once

#include "gemm/bfloat16_product.h"
#include "gemm/checked_products.h"
#include "gemm/scratch.h"
#include "gemm/small_gemm.h"
#include "gemm/split.h"
#include "gemm/transposed_rows.h"

/// Kernels call products by their own names; folder gemm knows nothing of kernels.
namespace madx::cpu::MADX_CAPABILITY {
using namespace gemm;
using namespace gemm::MADX_CAPABILITY;
}  // namespace madx::cpu::MADX_CAPABILITY

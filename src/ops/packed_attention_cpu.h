#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>

#include "madx/core/row_offsets.h"

namespace madx::ops::detail {

/// The op on the kernels of madx/cpu. One matrix (rows, 3 * hidden) of queries, keys and values, or
/// queries apart and (rows, 2 * hidden) of keys and values: gradients come in the same form, so
/// nothing is cut up or put together.
at::Tensor packed_attention_cpu(const at::Tensor& first, const std::optional<at::Tensor>& keys,
                                const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                int64_t heads, double dropout);

}  // namespace madx::ops::detail

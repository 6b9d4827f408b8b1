#pragma once

#include <ATen/ATen.h>

#include "madx/ops/frozen_layer.h"

// Frozen layers with packed weights, which the weights' own classes compute. Rows are dense.
namespace madx::ops::detail {

/// Throws c10::Error for rows that no packed weight takes, and where this processor does not
/// multiply by the layer's.
void check_packed_rows(const char* op, const at::Tensor& x, const FrozenLinear& layer);

at::Tensor packed_linear(const at::Tensor& x, const FrozenLinear& layer);
at::Tensor packed_feed_forward(const at::Tensor& x, const FrozenLinear& first,
                               const FrozenLinear& second);

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>

#include "madx/ops/frozen_layer.h"

// Frozen layers with packed weights, which the weights' own classes compute. Rows are dense.
namespace madx::ops::detail {

void check_rows(const char* op, const at::Tensor& x, const FrozenLinear& layer);

at::Tensor packed_linear(const at::Tensor& x, const FrozenLinear& layer);
at::Tensor packed_feed_forward(const at::Tensor& x, const FrozenLinear& first,
                               const FrozenLinear& second);

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>

#include "madx/ops/frozen_layer.h"

namespace madx::ops::detail {

/// A linear layer whose weight of float32 learns by products of bfloat16.
at::Tensor rounded_linear(const char* op, const at::Tensor& x, const FrozenLinear& layer);

}  // namespace madx::ops::detail

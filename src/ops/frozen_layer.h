#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "madx/ops/frozen_layer.h"

namespace madx::ops::detail {

/// Kernels take pointers: what does not fit is refused before.
void check_layer(const char* op, int64_t in, const FrozenLinear& layer);

/// Rows for a layer whose weight is a tensor.
void check_rows_of(const char* op, const at::Tensor& x, const FrozenLinear& layer);

}  // namespace madx::ops::detail

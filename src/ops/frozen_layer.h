#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "madx/ops/frozen_layer.h"

namespace madx::ops::detail {

/// Throws c10::Error where a layer's parts do not fit each other or `in`: kernels take pointers.
void check_layer(const char* op, int64_t in, const FrozenLinear& layer);

/// Throws c10::Error for a layer without a weight, and for rows that are not of its weight's kind;
/// those that a packed one takes are check_packed_rows's to say.
void check_weight(const char* op, const at::Tensor& x, const FrozenLinear& layer);

}  // namespace madx::ops::detail

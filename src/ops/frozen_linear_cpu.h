#pragma once

#include <ATen/ATen.h>

#include "madx/ops/frozen_layer.h"

// Frozen layers of float32 on the kernels of madx/cpu. Rows are dense.
namespace madx::ops::detail {

/// Whether the kernels take its weight and bias, which get no gradient.
bool is_frozen_on_cpu(const FrozenLinear& layer);

at::Tensor frozen_linear_cpu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
at::Tensor feed_forward_cpu(const at::Tensor& x, const FrozenLinear& first,
                            const FrozenLinear& second);

}  // namespace madx::ops::detail

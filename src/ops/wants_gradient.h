#pragma once

#include <ATen/ATen.h>

#include <algorithm>

namespace madx::ops {

/// Whether a backward pass will want a gradient by this tensor.
inline bool wants_gradient(const at::Tensor& tensor) {
  return at::GradMode::is_enabled() && tensor.requires_grad();
}

/// Whether it will want one by any of these.
inline bool wants_gradient(at::TensorList tensors) {
  return at::GradMode::is_enabled() &&
         std::any_of(tensors.begin(), tensors.end(),
                     [](const at::Tensor& tensor) { return tensor.requires_grad(); });
}

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include <initializer_list>

#include "madx/cpu/available.h"
#include "madx/ops/checks.h"

namespace madx::ops {

/// Whether these tensors go to a kernel of madx/cpu: float32 on the CPU, in a build that has the
/// kernels. Any other kind takes the plain LibTorch form of the op.
inline bool takes_cpu_kernel(std::initializer_list<at::Tensor> tensors) {
  for (const auto& tensor : tensors) {
    if (tensor.scalar_type() != at::kFloat || !tensor.device().is_cpu() ||
        !detail::has_data(tensor))
      return false;
  }
  return cpu::available();
}

/// Whether a backward pass will want a gradient by this tensor.
inline bool wants_gradient(const at::Tensor& tensor) {
  return at::GradMode::is_enabled() && tensor.requires_grad();
}

}  // namespace madx::ops

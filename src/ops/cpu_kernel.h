#pragma once

#include <ATen/ATen.h>

#include <initializer_list>

#include "madx/cpu/available.h"
#include "madx/cpu/bfloat16.h"
#include "madx/ops/checks.h"

namespace madx::ops {

/// Whether these tensors go to a kernel of madx/cpu: float32 on the CPU, in a build that has the
/// kernels. Any other kind takes the composite form of the op.
inline bool takes_cpu_kernel(std::initializer_list<at::Tensor> tensors) {
  for (const auto& tensor : tensors) {
    if (tensor.scalar_type() != at::kFloat || !tensor.device().is_cpu() ||
        !detail::has_data(tensor))
      return false;
  }
  return cpu::available();
}

/// The data of a tensor of bfloat16, as kernels take them.
inline cpu::Bfloat16* bfloat16_data(const at::Tensor& tensor) {
  return reinterpret_cast<cpu::Bfloat16*>(tensor.data_ptr<at::BFloat16>());
}
inline const cpu::Bfloat16* const_bfloat16_data(const at::Tensor& tensor) {
  return reinterpret_cast<const cpu::Bfloat16*>(tensor.const_data_ptr<at::BFloat16>());
}

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include <initializer_list>

#include "madx/cuda/device.h"
#include "madx/ops/checks.h"

namespace madx::ops {

/// Whether these tensors go to a kernel of madx/cuda: all of one type, float32, float16 or
/// bfloat16, on one CUDA device, where the kernels run. Others take the composite form of the op.
inline bool takes_cuda_kernel(std::initializer_list<at::Tensor> tensors) {
  const auto& first = *tensors.begin();
  const auto type = first.scalar_type();
  if (type != at::kFloat && type != at::kHalf && type != at::kBFloat16) return false;
  for (const auto& tensor : tensors) {
    if (!tensor.is_cuda() || !detail::has_data(tensor) || tensor.scalar_type() != type ||
        tensor.device() != first.device())
      return false;
  }
  return cuda::available(first.device().index());
}

/// The kernels' name for the tensor's type.
inline cuda::Type cuda_type(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kHalf) return cuda::Type::kHalf;
  if (tensor.scalar_type() == at::kBFloat16) return cuda::Type::kBFloat16;
  TORCH_INTERNAL_ASSERT(tensor.scalar_type() == at::kFloat);
  return cuda::Type::kFloat;
}

/// The tensor's data; null for an undefined one.
inline void* cuda_data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr() : nullptr;
}

/// Where a tensor's part begins that is `elements` behind its start.
inline void* cuda_data(const at::Tensor& tensor, int64_t elements) {
  return static_cast<char*>(tensor.data_ptr()) + elements * tensor.element_size();
}

}  // namespace madx::ops

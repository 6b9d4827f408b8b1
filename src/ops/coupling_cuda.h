#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace madx::ops::detail {

/// The coupling and its inverse on the kernel of madx/cuda. x (rows, hidden); `weights`: eight a
/// group of rows, F's four, then G's.
at::Tensor coupling_cuda(const at::Tensor& x, const std::vector<at::Tensor>& weights,
                         const std::vector<int64_t>& rows, bool inverse);

/// Whether the kernel takes rows of this size with these functions.
bool fits_cuda_coupling(const at::Tensor& x, const std::vector<at::Tensor>& weights);

}  // namespace madx::ops::detail

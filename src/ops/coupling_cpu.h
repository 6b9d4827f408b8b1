#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace madx::ops::detail {

/// The coupling and its inverse on the kernel of madx/cpu, which has no backward pass. `weights`:
/// eight a group of rows, F's four, then G's; dense, and such that takes_cpu_kernel.
at::Tensor coupling_cpu(const at::Tensor& x, const std::vector<at::Tensor>& weights,
                        const std::vector<int64_t>& group_rows, bool inverse);

}  // namespace madx::ops::detail

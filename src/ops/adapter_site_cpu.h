#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "madx/core/site_problem.h"

namespace madx::ops::detail {

/// adapter_site on the kernels of madx/cpu, of tensors such that takes_cpu_kernel. `weights`: four
/// an adapter.
at::Tensor adapter_site_cpu(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, double norm_eps, double dropout,
                            std::vector<IndexedSiteGroup> groups, at::TensorList weights);

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "madx/core/site_problem.h"

namespace madx::ops::detail {

/// adapter_site on the kernels of madx/cuda. `weights`: four an adapter, each adapter once.
at::Tensor adapter_site_cuda(const at::Tensor& f, const at::Tensor& a,
                             const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                             double norm_eps, double dropout,
                             const std::vector<IndexedSiteGroup>& groups, at::TensorList weights);

/// The op by plain GEMMs between kernels that add and normalise: faster for bottlenecks so large
/// that the weights would be read too often (cuda::fuses).
at::Tensor adapter_site_gemm(const at::Tensor& f, const at::Tensor& a,
                             const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                             double norm_eps, double dropout,
                             const std::vector<IndexedSiteGroup>& groups, at::TensorList weights);

/// How the kernels compute a site; kComposite: not at all, for its stacks are too deep or its rows
/// too wide.
enum class CudaSiteForm { kFused, kGemm, kComposite };

CudaSiteForm cuda_site_form(const at::Tensor& f, const std::vector<IndexedSiteGroup>& groups,
                            at::TensorList weights);

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "madx/cuda/adapter_site.h"
#include "ops/adapter_site_problem.h"

// A site's tensors as the arguments of madx/cuda, pass by pass.
namespace madx::ops::detail {

/// A site's inputs.
struct CudaSiteInputs {
  const at::Tensor &f, &a, &norm_weight, &norm_bias;
  at::TensorList weights;
  const SiteSettings& settings;

  cuda::SiteProblem problem() const;
  int64_t bottleneck(size_t adapter) const { return weights[4 * adapter].size(0); }
  /// Elements of all z of a level.
  int64_t z_size(size_t level) const;
};

/// What forward keeps of each level.
struct CudaSiteKept {
  at::Tensor statistics;      // (levels + 1, rows, 2), float32
  std::vector<at::Tensor> y;  // (rows, hidden)
  std::vector<at::Tensor> z;  // flat: (rows of the group, bottleneck) of each group, end to end

  void allocate(const CudaSiteInputs& site);
  cuda::SiteKept pointers(const CudaSiteInputs& site) const;
};

/// What the kernel writes in the backward pass.
struct CudaSiteWritten {
  std::vector<at::Tensor> sums, h;      // by level; see cuda::SiteGradients
  std::vector<at::Tensor> z_gradients;  // by level, flat like z
  at::Tensor f;                         // undefined where it is sums[0]
};

/// The backward pass but for the gradients by weights. `learns`: by adapter.
CudaSiteWritten cuda_site_backward(const CudaSiteInputs& site, const CudaSiteKept& kept,
                                   const at::Tensor& out_gradient, const std::vector<bool>& learns,
                                   bool inputs_wanted, bool f_wanted);

/// Adds the gradients by weights of one level's adapters, four an adapter, over neighbouring groups
/// with the same adapter at once.
void add_site_weight_gradients(size_t level, const CudaSiteInputs& site, const CudaSiteKept& kept,
                               const CudaSiteWritten& written, const std::vector<bool>& learns,
                               at::Tensor* gradients);

}  // namespace madx::ops::detail

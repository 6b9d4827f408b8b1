#pragma once

#include <cstdint>
#include <vector>

#include "madx/core/site_problem.h"
#include "madx/gemm/products.h"

namespace madx::cpu {

/// A site and the stacks at it. There is at least one group.
struct SiteProblem : madx::SiteProblem<float> {
  gemm::Products products = gemm::default_products();  ///< which units multiply
};

/// What the backward pass needs of an adapter's forward pass over the rows of one group.
struct SiteAdapterKept {
  float* z;    ///< (rows of the group, bottleneck): act(D h)
  float* sum;  ///< (rows of the group, hidden): a + U z + the output of the adapter below
};

/// Gradients of one adapter's weights, shaped like them. All null where the adapter does not learn.
struct SiteAdapterGradient {
  float* down;       ///< (bottleneck, hidden)
  float* down_bias;  ///< (bottleneck)
  float* up;         ///< (hidden, bottleneck)
  float* up_bias;    ///< (hidden)
};

/// Computes out (rows, hidden), tile by tile of rows, each tile while it is in cache. A tile has
/// rows of one group. `kept` is empty (there will be no backward pass) or has one entry for each
/// adapter of each group's stack, the first group's first.
void adapter_site_forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                          int threads, float* out);

/// Gradients by f and a (null: not wanted, then nothing below the lowest adapter that learns is
/// computed) and by the adapters' weights, one entry an adapter: the sum over the groups that it is
/// in. Everything that is wanted is overwritten.
void adapter_site_backward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                           const float* out_gradient, int threads, float* f_gradient,
                           float* a_gradient, const std::vector<SiteAdapterGradient>& gradients);

}  // namespace madx::cpu

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "madx/core/site_group.h"
#include "madx/gemm/products.h"

namespace madx::cpu {

/// Weights of one adapter at a site; float32, row-major, dense.
struct SiteAdapter {
  const float* down;       ///< (bottleneck, hidden)
  const float* down_bias;  ///< (bottleneck)
  const float* up;         ///< (hidden, bottleneck)
  const float* up_bias;    ///< (hidden)
  int64_t bottleneck;
};

/// A site and the stacks at it; see ops/adapter_site.h for the equation.
struct SiteProblem {
  const float* f;            ///< (rows, hidden): output of the sub-layer, before its dropout
  const float* a;            ///< (rows, hidden): what entered the block
  const float* norm_weight;  ///< (hidden)
  const float* norm_bias;    ///< (hidden)
  double norm_eps;
  int64_t rows, hidden;
  double dropout;  ///< of f; 0 turns it off
  uint64_t seed;   ///< of the dropout
  std::vector<SiteAdapter> adapters;
  /// In order of rows, all of them; an adapter may be in several. None: one group of all rows,
  /// whose stack is all adapters.
  std::vector<SiteGroup> groups;
  gemm::Products products = gemm::default_products();
};

/// What the backward pass needs of an adapter's forward pass over the rows of one group.
struct SiteAdapterKept {
  float* z;    ///< (rows of the group, bottleneck): act(D h)
  float* sum;  ///< (rows of the group, hidden): a + U z + the output of the adapter below
};

/// Gradients of one adapter's weights, shaped like them. All null where the adapter does not learn.
struct SiteAdapterGradient {
  float* down;
  float* down_bias;
  float* up;
  float* up_bias;
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

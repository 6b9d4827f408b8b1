#pragma once

#include <cstdint>
#include <vector>

#include "madx/core/site_problem.h"
#include "madx/cuda/device.h"

namespace madx::cuda {

/// The deepest stack that a launch takes.
constexpr int64_t kDeepestStack = 4;

/// A site and the stacks at it, of up to kDeepestStack adapters; all arrays on the device. There is
/// at least one group.
struct SiteProblem : madx::SiteProblem<void> {
  Type type = Type::kFloat;  ///< of all pointers
};

/// What the backward pass needs of the forward pass. Empty where there will be none.
struct SiteKept {
  std::vector<void*> y;         ///< of each level, (rows, hidden): output of the adapter
  float* statistics = nullptr;  ///< (levels + 1, rows, 2): mean and scale of each LayerNorm
  /// By group and level, (rows of the group, bottleneck): act(D h).
  std::vector<std::vector<void*>> z;
};

/// Computes out (rows, hidden) in one launch, or one for each fourteen groups. On `stream`, without
/// waiting for it; may be captured in a CUDA graph. Throws MachineError when CUDA refuses a launch.
void adapter_site_forward(const SiteProblem& problem, const SiteKept& kept, void* out,
                          void* stream);

/// One adapter's part of the backward pass.
struct SiteAdapterBackward {
  const void* up_transposed = nullptr;    ///< (bottleneck, hidden)
  const void* down_transposed = nullptr;  ///< (hidden, bottleneck)
  void* z_gradient = nullptr;             ///< (rows of the group, bottleneck); null: does not learn
};

/// What the backward pass writes. Gradients by weights are products of it, for the rows of a group:
///
///     dU = sums[level + 1]^T z, b_U: sums[level + 1]'s column sums,
///     dD = z_gradient^T h[level], b_D: z_gradient's column sums.
struct SiteGradients {
  /// (rows, hidden), gradient by the output of the lowest n adapters, levels + 1 of them. sums[0]
  /// is the gradient by a, and by f but for its dropout; null where neither is wanted. A buffer
  /// that no adapter's gradient needs may be the one below it. Null below the lowest that is
  /// wanted.
  std::vector<void*> sums;
  std::vector<void*> h;  ///< (rows, hidden), what the adapters of a level read; null: none learns
  void* f_gradient = nullptr;  ///< (rows, hidden); null: not wanted, or there is no dropout
  std::vector<std::vector<SiteAdapterBackward>> adapters;  ///< by group and level
};

/// As forward; out_gradient (rows, hidden).
void adapter_site_backward(const SiteProblem& problem, const SiteKept& kept,
                           const void* out_gradient, const SiteGradients& gradients, void* stream);

}  // namespace madx::cuda

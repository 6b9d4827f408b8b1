#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "madx/ops/frozen_layer_norm.h"

namespace madx::ops {

/// Weights of one adapter, shaped as in torch::nn::Linear. Two with the same `down` are one
/// adapter.
struct SiteAdapter {
  at::Tensor down;       ///< D (bottleneck, hidden)
  at::Tensor down_bias;  ///< b_D (bottleneck)
  at::Tensor up;         ///< U (hidden, bottleneck)
  at::Tensor up_bias;    ///< b_U (hidden)
};

/// Consecutive rows that go through one stack of adapters, bottom first.
struct SiteGroup {
  int64_t rows;                       ///< how many
  std::vector<SiteAdapter> adapters;  ///< bottom first
};

/// A site under stacks of adapters with Pfeiffer's configuration, bottom first (docs/design.md,
/// "Stacks follow AdapterHub"):
///
///     y_0 = dropout(f),  y_i = U_i relu(D_i LN(y_{i-1} + a)) + y_{i-1},  out = LN(y_n + a)
///
/// f, a (rows, hidden) -> (rows, hidden). `groups` share the rows out in order: a batch of several
/// languages, its rows ordered by language, costs what one of a single language does. Without
/// adapters this is how any block ends. Gradients go to f, a and the adapters, of an adapter in
/// several groups their sum; of an adapter, all weights learn or none does. Rows of 16 bits decide
/// the type: LayerNorm and adapters of float32 are rounded to it. On the CPU and on CUDA, kernels
/// compute it (src/cpu, src/cuda) where they take the tensors' types and sizes. Throws c10::Error
/// where shapes, types or devices disagree, where the groups' rows do not add up to those of f, and
/// for a derivative of the derivative where a kernel computed it.
at::Tensor adapter_site_by_group(const at::Tensor& f, const at::Tensor& a,
                                 const FrozenLayerNorm& norm, double dropout,
                                 const std::vector<SiteGroup>& groups);

/// The same for rows that all go through one stack; the same errors.
at::Tensor adapter_site(const at::Tensor& f, const at::Tensor& a, const FrozenLayerNorm& norm,
                        double dropout, const std::vector<SiteAdapter>& adapters);

/// The composite form of `adapter_site_by_group`, whatever the device: what kernels are tested and
/// timed against. It checks the groups alone; what else does not fit, LibTorch's operations refuse.
at::Tensor adapter_site_composite(const at::Tensor& f, const at::Tensor& a,
                                  const FrozenLayerNorm& norm, double dropout,
                                  const std::vector<SiteGroup>& groups);

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include "madx/core/row_offsets.h"
#include "madx/ops/adapter_site.h"

namespace madx {

using ops::FrozenLayerNorm;

/// What arrives at a site: the output `f` of the sub-layer below, the dropout still to act on it,
/// the input `a` of its residual connection, and the LayerNorm that closes the block. Without
/// adapters the block's output is LN(dropout(f) + a).
struct SiteInput {
  at::Tensor f;                 ///< (rows, hidden)
  at::Tensor a;                 ///< (rows, hidden)
  const FrozenLayerNorm& norm;  ///< LN
  double dropout = 0;           ///< probability; 0 turns it off
  /// Where the rows' sequences begin; gates and stochastic depth alone need it.
  const RowOffsets* sequences = nullptr;
};

}  // namespace madx

#pragma once

#include <ATen/ATen.h>

namespace madx {

/// The frozen LayerNorm of an encoder block, shared with the adapters that sit there (AdapterHub's
/// `original_ln_*`).
struct FrozenLayerNorm {
  at::Tensor weight;  // (hidden)
  at::Tensor bias;    // (hidden)
  double eps = 1e-5;

  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  }
};

/// What arrives at a site: the output `f` of the sub-layer below (after its dropout), the input `a`
/// of its residual connection, and the LayerNorm that closes the block. Without adapters the
/// block's output is LN(f + a).
struct SiteInput {
  at::Tensor f;  // (rows, hidden)
  at::Tensor a;  // (rows, hidden)
  const FrozenLayerNorm& norm;
};

}  // namespace madx

#pragma once

#include <ATen/ATen.h>

namespace madx::ops {

/// A frozen LayerNorm of the encoder.
struct FrozenLayerNorm {
  at::Tensor weight;  ///< (hidden)
  at::Tensor bias;    ///< (hidden)
  double eps = 1e-5;  ///< added to the variance

  /// LN(x): x (rows, hidden) -> (rows, hidden).
  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  }
};

}  // namespace madx::ops

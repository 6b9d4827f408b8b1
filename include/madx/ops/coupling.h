#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "madx/ops/bottleneck.h"

namespace madx::ops {

/// NICE's additive coupling (Dinh et al. 2015; MAD-X section 4.3) for any two functions F and G on
/// half the channels. x (..., hidden) is split into x1 (the first hidden / 2 channels) and x2 (the
/// rest):
///
///     y1 = x1 + F(x2),  y2 = x2 + G(y1)
template <class F, class G>
at::Tensor couple(const at::Tensor& x, F&& f, G&& g) {
  const auto half = x.size(-1) / 2;
  const auto x1 = x.narrow(-1, 0, half);
  const auto x2 = x.narrow(-1, half, x.size(-1) - half);
  const auto y1 = x1 + f(x2);
  const auto y2 = x2 + g(y1);
  return at::cat({y1, y2}, /*dim=*/-1);
}

/// The exact inverse of `couple`:  x2 = y2 - G(y1),  x1 = y1 - F(x2)
template <class F, class G>
at::Tensor uncouple(const at::Tensor& y, F&& f, G&& g) {
  const auto half = y.size(-1) / 2;
  const auto y1 = y.narrow(-1, 0, half);
  const auto y2 = y.narrow(-1, half, y.size(-1) - half);
  const auto x2 = y2 - g(y1);
  const auto x1 = y1 - f(x2);
  return at::cat({x1, x2}, /*dim=*/-1);
}

/// F or G of a coupling: two layers, shaped as torch::nn::Linear, on half the channels.
struct CouplingNet {
  at::Tensor down;       ///< (bottleneck, source channels)
  at::Tensor down_bias;  ///< (bottleneck)
  at::Tensor up;         ///< (target channels, bottleneck)
  at::Tensor up_bias;    ///< (target channels)

  /// x (rows, source channels) -> (rows, target channels).
  at::Tensor operator()(const at::Tensor& x, Activation activation) const {
    return bottleneck(x, down, down_bias, up, up_bias, activation);
  }
};

/// Consecutive rows that go through one pair of functions.
struct CouplingGroup {
  int64_t rows;   ///< how many
  CouplingNet f;  ///< reads the upper half, adds to the lower
  CouplingNet g;  ///< reads the lower half, adds to the upper
};

/// `couple`, or its inverse, with F and G of two layers, for each group of rows its own; the groups
/// cover all rows, in order. x (rows, hidden) -> (rows, hidden). Where the activation is relu,
/// kernels compute it: on CUDA where they take the tensors' types and sizes, on the CPU where there
/// will be no backward pass. Throws c10::Error where shapes, types or devices disagree, and where
/// the groups' rows do not add up to those of x.
at::Tensor coupling(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
                    Activation activation, bool inverse);

/// The composite form of `coupling`, whatever the device: what kernels are tested and timed
/// against. It checks nothing itself; what does not fit, LibTorch's operations refuse.
at::Tensor coupling_composite(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
                              Activation activation, bool inverse);

}  // namespace madx::ops

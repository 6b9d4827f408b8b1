#pragma once

#include <ATen/ATen.h>

#include <utility>

namespace madx::ops {

/// NICE's additive coupling (Dinh et al. 2015; MAD-X section 4.3) for any two functions F and G on
/// half the channels. x (..., hidden) is split into x1 (the first hidden / 2 channels) and x2 (the
/// rest):
///   y1 = x1 + F(x2),  y2 = x2 + G(y1)
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

}  // namespace madx::ops

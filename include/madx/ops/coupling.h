#pragma once

#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madx/ops/bottleneck.h"
#include "madx/ops/checks.h"
#include "madx/ops/coupling_cpu.h"
#include "madx/ops/coupling_cuda.h"
#include "madx/ops/cpu_kernel.h"
#include "madx/ops/cuda_kernel.h"
#include "madx/ops/schema.h"

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
  at::Tensor first;        ///< (bottleneck, source channels)
  at::Tensor first_bias;   ///< (bottleneck)
  at::Tensor second;       ///< (target channels, bottleneck)
  at::Tensor second_bias;  ///< (target channels)

  /// x (rows, source channels) -> (rows, target channels).
  at::Tensor operator()(const at::Tensor& x, Activation activation) const {
    return bottleneck(x, first, first_bias, second, second_bias, activation);
  }
};

/// Consecutive rows that go through one pair of functions.
struct CouplingGroup {
  int64_t rows;   ///< how many
  CouplingNet f;  ///< reads the upper half, adds to the lower
  CouplingNet g;  ///< reads the lower half, adds to the upper
};

namespace detail {

/// The composite form.
inline at::Tensor coupling_plain(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
                                 Activation activation, bool inverse) {
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (const auto& group : groups) {
    const auto rows = x.narrow(0, first, group.rows);
    const auto f = [&](const at::Tensor& half) { return group.f(half, activation); };
    const auto g = [&](const at::Tensor& half) { return group.g(half, activation); };
    outputs.push_back(inverse ? uncouple(rows, f, g) : couple(rows, f, g));
    first += group.rows;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

/// Checks, and chooses.
inline at::Tensor coupling_of(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
                              Activation activation, bool inverse) {
  TORCH_CHECK(x.dim() == 2, "coupling: expected x of shape (rows, hidden), but got ", x.sizes());
  const auto low = x.size(1) / 2, high = x.size(1) - low;
  const auto check = [](const char* what, const at::Tensor& tensor, at::IntArrayRef shape) {
    TORCH_CHECK(tensor.sizes() == shape, "coupling: expected ", what, " of shape ", shape,
                ", but got ", tensor.sizes());
  };
  const bool relu = activation == Activation::kRelu;
  bool on_cuda = relu && takes_cuda_kernel({x});
  bool on_cpu = relu && takes_cpu_kernel({x}) && !wants_gradient(x);
  int64_t rows = 0;
  std::vector<at::Tensor> weights;
  std::vector<int64_t> group_rows;
  for (const auto& group : groups) {
    TORCH_CHECK(group.rows >= 0, "coupling: expected groups of 0 rows or more, but got ",
                group.rows);
    rows += group.rows;
    group_rows.push_back(group.rows);
    for (const auto* net : {&group.f, &group.g}) {
      const auto bottleneck = net->first.size(0), target = net == &group.f ? low : high;
      check("a first layer", net->first, {bottleneck, x.size(1) - target});
      check("its bias", net->first_bias, {bottleneck});
      check("a second layer", net->second, {target, bottleneck});
      check("its bias", net->second_bias, {target});
      check_kind("coupling", {x, net->first, net->first_bias, net->second, net->second_bias});
      for (const auto& weight : {net->first, net->first_bias, net->second, net->second_bias}) {
        // No function learns in part.
        on_cuda = on_cuda && weight.requires_grad() == net->first.requires_grad() &&
                  weight.is_contiguous() && takes_cuda_kernel({x, weight});
        on_cpu = on_cpu && !wants_gradient(weight) && weight.is_contiguous() &&
                 takes_cpu_kernel({weight});
        weights.push_back(weight);
      }
    }
  }
  TORCH_CHECK(!groups.empty() && rows == x.size(0), "coupling: expected groups of ", x.size(0),
              " rows together, but got ", rows);
  if (on_cpu) return coupling_cpu(x, weights, group_rows, inverse);
  if (on_cuda && fits_cuda_coupling(x, weights))
    return coupling_cuda(x, weights, group_rows, inverse);
  return coupling_plain(x, groups, activation, inverse);
}

/// madx::coupling.
inline at::Tensor coupling_op(const at::Tensor& x, at::IntArrayRef group_rows,
                              at::TensorList weights, std::string_view activation, bool inverse) {
  constexpr size_t kWeights = 8;
  TORCH_CHECK(weights.size() == kWeights * group_rows.size(), "coupling: expected ",
              kWeights * group_rows.size(), " weights, eight a group, but got ", weights.size());
  std::vector<CouplingGroup> groups;
  for (size_t i = 0; i < group_rows.size(); ++i) {
    const auto* w = weights.data() + kWeights * i;
    groups.push_back({group_rows[i], {w[0], w[1], w[2], w[3]}, {w[4], w[5], w[6], w[7]}});
  }
  return coupling_of(x, groups, parse_activation(std::string(activation)), inverse);
}

}  // namespace detail

/// `couple`, or its inverse, with F and G of two layers, for each group of rows its own; the groups
/// cover all rows, in order. x (rows, hidden) -> (rows, hidden). Where the activation is relu,
/// kernels compute it: on CUDA where they take the tensors' types and sizes, on the CPU where there
/// will be no backward pass. Throws c10::Error where shapes, types or devices disagree, and where
/// the groups' rows do not add up to those of x.
inline at::Tensor coupling(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
                           Activation activation, bool inverse) {
  std::vector<int64_t> rows;
  std::vector<at::Tensor> weights;
  for (const auto& group : groups) {
    rows.push_back(group.rows);
    for (const auto* net : {&group.f, &group.g})
      for (const auto* weight : {&net->first, &net->first_bias, &net->second, &net->second_bias})
        weights.push_back(*weight);
  }
  static const auto op = detail::operator_handle<decltype(detail::coupling_op)>("madx::coupling");
  return op.call(x, rows, weights, activation_name(activation), inverse);
}

}  // namespace madx::ops

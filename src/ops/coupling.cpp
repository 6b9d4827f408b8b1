#include "madx/ops/coupling.h"

#include <string>
#include <string_view>

#include "madx/ops/checks.h"
#include "ops/coupling_cpu.h"
#include "ops/coupling_cuda.h"
#include "ops/cpu_kernel.h"
#include "ops/cuda_kernel.h"
#include "ops/schema.h"
#include "ops/wants_gradient.h"

namespace madx::ops {

at::Tensor coupling_composite(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
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

namespace detail {

namespace {

/// Checks, and chooses.
at::Tensor coupling_of(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
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
      const auto bottleneck = net->down.size(0), target = net == &group.f ? low : high;
      check("a first layer", net->down, {bottleneck, x.size(1) - target});
      check("its bias", net->down_bias, {bottleneck});
      check("a second layer", net->up, {target, bottleneck});
      check("its bias", net->up_bias, {target});
      check_kind("coupling", {x, net->down, net->down_bias, net->up, net->up_bias});
      for (const auto& weight : {net->down, net->down_bias, net->up, net->up_bias}) {
        // No function learns in part.
        on_cuda = on_cuda && weight.requires_grad() == net->down.requires_grad() &&
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
  return coupling_composite(x, groups, activation, inverse);
}

}  // namespace

at::Tensor coupling_op(const at::Tensor& x, at::IntArrayRef group_rows, at::TensorList weights,
                       std::string_view activation, bool inverse) {
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

at::Tensor coupling(const at::Tensor& x, const std::vector<CouplingGroup>& groups,
                    Activation activation, bool inverse) {
  std::vector<int64_t> rows;
  std::vector<at::Tensor> weights;
  for (const auto& group : groups) {
    rows.push_back(group.rows);
    for (const auto* net : {&group.f, &group.g})
      for (const auto* weight : {&net->down, &net->down_bias, &net->up, &net->up_bias})
        weights.push_back(*weight);
  }
  static const auto op = detail::operator_handle<decltype(detail::coupling_op)>("madx::coupling");
  return op.call(x, rows, weights, activation_name(activation), inverse);
}

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "madx/core/site_problem.h"
#include "ops/row_numbers.h"

// From tensors to the problem that the kernels of the CPU and of CUDA take.
namespace madx::ops::detail {

/// What both passes of a site need beside tensors; saved_data takes it as an object of TorchScript.
struct SiteSettings : torch::CustomClassHolder {
  SiteSettings(std::vector<IndexedSiteGroup> groups_, double norm_eps_, double dropout_,
               uint64_t seed_, at::Tensor row_numbers_ = {})
      : groups(std::move(groups_)),
        norm_eps(norm_eps_),
        dropout(dropout_),
        seed(seed_),
        row_numbers(std::move(row_numbers_)) {
    for (const auto& group : groups) levels = std::max(levels, group.adapters.size());
  }

  std::vector<IndexedSiteGroup> groups;
  double norm_eps, dropout;
  uint64_t seed;
  at::Tensor row_numbers;  // (rows) int64; undefined: 0, 1, 2, ...
  size_t levels = 0;       ///< of the deepest stack
};

inline void save_settings(torch::autograd::AutogradContext& ctx,
                          const c10::intrusive_ptr<SiteSettings>& settings) {
  ctx.saved_data["settings"] = c10::IValue::make_capsule(settings);
}
inline c10::intrusive_ptr<SiteSettings> saved_settings(torch::autograd::AutogradContext& ctx) {
  return c10::static_intrusive_pointer_cast<SiteSettings>(ctx.saved_data["settings"].toCapsule());
}

/// Fills in a SiteProblem of T. All tensors are dense; `weights` has four an adapter.
template <class T>
void fill_site_problem(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                       const at::Tensor& norm_bias, at::TensorList weights,
                       const SiteSettings& settings, madx::SiteProblem<T>& problem) {
  const auto data = [](const at::Tensor& tensor) {
    return static_cast<const T*>(tensor.const_data_ptr());
  };
  problem.f = data(f);
  problem.a = data(a);
  problem.norm_weight = data(norm_weight);
  problem.norm_bias = data(norm_bias);
  problem.norm_eps = settings.norm_eps;
  problem.rows = f.size(0);
  problem.hidden = f.size(1);
  problem.dropout = settings.dropout;
  problem.seed = settings.seed;
  problem.row_numbers = numbers_data(settings.row_numbers);
  for (size_t i = 0; i < weights.size(); i += 4) {
    problem.adapters.push_back({data(weights[i]), data(weights[i + 1]), data(weights[i + 2]),
                                data(weights[i + 3]), weights[i].size(0)});
  }
  problem.groups = settings.groups;
}

}  // namespace madx::ops::detail

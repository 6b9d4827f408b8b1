#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "madx/cpu/adapter_site.h"
#include "madx/ops/once_differentiable.h"

namespace madx::ops::detail {

inline const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/// The op on the kernels of madx/cpu. Tensors that take part in autograd come as f, a and a list of
/// four an adapter.
struct CpuAdapterSite : torch::autograd::Function<CpuAdapterSite> {
  using Context = torch::autograd::AutogradContext;
  static constexpr size_t kInputs = 2;  // f and a, before the adapters' weights

  /// What backward needs beside tensors; saved_data takes it as an object of TorchScript.
  struct Settings : torch::CustomClassHolder {
    Settings(std::vector<madx::SiteGroup> groups_, double norm_eps_, double dropout_,
             uint64_t seed_)
        : groups(std::move(groups_)), norm_eps(norm_eps_), dropout(dropout_), seed(seed_) {}
    std::vector<madx::SiteGroup> groups;
    double norm_eps, dropout;
    uint64_t seed;
  };

  static cpu::SiteProblem problem(const at::Tensor& f, const at::Tensor& a,
                                  const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                                  at::TensorList weights, const Settings& settings) {
    cpu::SiteProblem problem{floats(f),         floats(a), floats(norm_weight), floats(norm_bias),
                             settings.norm_eps, f.size(0), f.size(1),           settings.dropout,
                             settings.seed,     {},        settings.groups};
    for (size_t i = 0; i < weights.size(); i += 4) {
      problem.adapters.push_back({floats(weights[i]), floats(weights[i + 1]),
                                  floats(weights[i + 2]), floats(weights[i + 3]),
                                  weights[i].size(0)});
    }
    return problem;
  }

  /// For each adapter of each group's stack, where its part of `z` (flat) and of `sums` (a tensor
  /// a position in the stack) begins.
  static std::vector<cpu::SiteAdapterKept> kept_pointers(const cpu::SiteProblem& problem,
                                                         const at::Tensor& z, at::TensorList sums) {
    std::vector<cpu::SiteAdapterKept> pointers;
    auto* next = z.data_ptr<float>();
    for (const auto& group : problem.groups) {
      for (size_t step = 0; step < group.adapters.size(); ++step) {
        pointers.push_back({next, sums[step].data_ptr<float>() + group.first * problem.hidden});
        next += group.rows * problem.adapters[group.adapters[step]].bottleneck;
      }
    }
    return pointers;
  }

  static int64_t kept_size(const cpu::SiteProblem& problem) {
    int64_t size = 0;
    for (const auto& group : problem.groups)
      for (const auto adapter : group.adapters)
        size += group.rows * problem.adapters[adapter].bottleneck;
    return size;
  }

  static at::Tensor forward(Context* ctx, const at::Tensor& f, const at::Tensor& a,
                            at::TensorList weights, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias,
                            const c10::intrusive_ptr<Settings>& settings, bool with_gradient) {
    const auto problem = CpuAdapterSite::problem(f, a, norm_weight, norm_bias, weights, *settings);
    auto out = at::empty_like(f);
    if (!with_gradient) {
      cpu::adapter_site_forward(problem, {}, at::get_num_threads(), out.data_ptr<float>());
      return out;
    }
    size_t highest = 0;
    for (const auto& group : problem.groups) highest = std::max(highest, group.adapters.size());
    const auto z = at::empty({kept_size(problem)}, f.options());
    std::vector<at::Tensor> sums;
    for (size_t step = 0; step < highest; ++step) sums.push_back(at::empty_like(f));
    cpu::adapter_site_forward(problem, kept_pointers(problem, z, sums), at::get_num_threads(),
                              out.data_ptr<float>());
    torch::autograd::variable_list saved{f, a, norm_weight, norm_bias, z};
    saved.insert(saved.end(), weights.begin(), weights.end());
    saved.insert(saved.end(), sums.begin(), sums.end());
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["adapters"] = static_cast<int64_t>(weights.size() / 4);
    ctx->saved_data["settings"] = c10::IValue::make_capsule(settings);
    return out;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("adapter_site");
    const auto saved = ctx->get_saved_variables();
    constexpr size_t kBeforeWeights = 5;
    const auto adapters = static_cast<size_t>(ctx->saved_data["adapters"].toInt());
    const auto &f = saved[0], &a = saved[1], &z = saved[4];
    const at::TensorList weights(saved.data() + kBeforeWeights, 4 * adapters);
    const at::TensorList sums(weights.end(), saved.size() - kBeforeWeights - weights.size());
    const auto settings =
        c10::static_intrusive_pointer_cast<Settings>(ctx->saved_data["settings"].toCapsule());
    const auto problem = CpuAdapterSite::problem(f, a, saved[2], saved[3], weights, *settings);
    torch::autograd::variable_list gradients(kInputs + weights.size() + 4);
    for (size_t i = 0; i < kInputs; ++i)
      if (ctx->needs_input_grad(i)) gradients[i] = at::empty_like(f);
    std::vector<cpu::SiteAdapterGradient> pointers;
    for (size_t i = 0; i < weights.size(); i += 4) {
      auto* part = &gradients[kInputs + i];
      const bool learns = ctx->needs_input_grad(kInputs + i);
      for (size_t j = 0; j < 4 && learns; ++j) part[j] = at::empty_like(weights[i + j]);
      const auto data = [&](size_t j) { return learns ? part[j].data_ptr<float>() : nullptr; };
      pointers.push_back({data(0), data(1), data(2), data(3)});
    }
    const auto data = [](at::Tensor& gradient) {
      return gradient.defined() ? gradient.data_ptr<float>() : nullptr;
    };
    cpu::adapter_site_backward(problem, kept_pointers(problem, z, sums),
                               floats(outputs[0].contiguous()), at::get_num_threads(),
                               data(gradients[0]), data(gradients[1]), pointers);
    return gradients;
  }
};

}  // namespace madx::ops::detail

#include "ops/adapter_site_cpu.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "madx/cpu/adapter_site.h"
#include "madx/ops/random_seed.h"
#include "ops/adapter_site_problem.h"
#include "ops/once_differentiable.h"
#include "ops/row_numbers.h"
#include "ops/wants_gradient.h"

namespace madx::ops::detail {

namespace {

/// adapter_site on the kernels of madx/cpu. Tensors that take part in autograd come as f, a and a
/// list of four an adapter.
struct CpuAdapterSite : torch::autograd::Function<CpuAdapterSite> {
  using Context = torch::autograd::AutogradContext;
  static constexpr size_t kInputs = 2;  // f and a, before the adapters' weights

  static cpu::SiteProblem problem(const at::Tensor& f, const at::Tensor& a,
                                  const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                                  at::TensorList weights, const SiteSettings& settings) {
    cpu::SiteProblem problem;
    fill_site_problem(f, a, norm_weight, norm_bias, weights, settings, problem);
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
                            const c10::intrusive_ptr<SiteSettings>& settings, bool with_gradient) {
    const auto problem = CpuAdapterSite::problem(f, a, norm_weight, norm_bias, weights, *settings);
    auto out = at::empty_like(f);
    if (!with_gradient) {
      cpu::adapter_site_forward(problem, {}, at::get_num_threads(), out.data_ptr<float>());
      return out;
    }
    const auto z = at::empty({kept_size(problem)}, f.options());
    std::vector<at::Tensor> sums;
    for (size_t step = 0; step < settings->levels; ++step) sums.push_back(at::empty_like(f));
    cpu::adapter_site_forward(problem, kept_pointers(problem, z, sums), at::get_num_threads(),
                              out.data_ptr<float>());
    torch::autograd::variable_list saved{f, a, norm_weight, norm_bias, z};
    saved.insert(saved.end(), weights.begin(), weights.end());
    saved.insert(saved.end(), sums.begin(), sums.end());
    ctx->save_for_backward(std::move(saved));
    ctx->saved_data["adapters"] = static_cast<int64_t>(weights.size() / 4);
    save_settings(*ctx, settings);
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
    const auto settings = saved_settings(*ctx);
    const auto problem = CpuAdapterSite::problem(f, a, saved[2], saved[3], weights, *settings);
    torch::autograd::variable_list gradients(kInputs + weights.size() + 4);
    for (size_t i = 0; i < kInputs; ++i)
      if (ctx->needs_input_grad(i)) gradients[i] = at::empty_like(f);
    std::vector<cpu::SiteAdapterGradient> pointers;
    for (size_t i = 0; i < weights.size(); i += 4) {
      auto* part = &gradients[kInputs + i];
      const bool learns = ctx->needs_input_grad({{kInputs + i, kInputs + i + 4}});
      for (size_t j = 0; j < 4 && learns; ++j) part[j] = at::empty_like(weights[i + j]);
      const auto data = [&](size_t j) { return learns ? part[j].data_ptr<float>() : nullptr; };
      pointers.push_back({data(0), data(1), data(2), data(3)});
    }
    const auto data = [](at::Tensor& gradient) {
      return gradient.defined() ? gradient.data_ptr<float>() : nullptr;
    };
    cpu::adapter_site_backward(
        problem, kept_pointers(problem, z, sums), outputs[0].contiguous().const_data_ptr<float>(),
        at::get_num_threads(), data(gradients[0]), data(gradients[1]), pointers);
    return gradients;
  }
};

}  // namespace

at::Tensor adapter_site_cpu(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, double norm_eps, double dropout,
                            std::vector<IndexedSiteGroup> groups, at::TensorList weights) {
  const bool drops = dropout > 0;
  const auto settings = c10::make_intrusive<SiteSettings>(
      std::move(groups), norm_eps, dropout, drops ? random_seed() : 0,
      drops ? row_numbers("adapter_site", f.size(0)) : at::Tensor());
  return CpuAdapterSite::apply(f.contiguous(), a.contiguous(), weights, norm_weight.contiguous(),
                               norm_bias.contiguous(), settings,
                               wants_gradient({f, a}) || wants_gradient(weights));
}

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "madx/cpu/adapter_site.h"
#include "madx/ops/bottleneck.h"
#include "madx/ops/checks.h"
#include "madx/ops/cpu_kernel.h"
#include "madx/ops/cuda_adapter_site.h"
#include "madx/ops/once_differentiable.h"
#include "madx/ops/random_seed.h"

namespace madx::ops {

/// The frozen LayerNorm of an encoder block.
struct FrozenLayerNorm {
  at::Tensor weight;  // (hidden)
  at::Tensor bias;    // (hidden)
  double eps = 1e-5;

  at::Tensor operator()(const at::Tensor& x) const {
    return at::layer_norm(x, weight.sizes(), weight, bias, eps);
  }
};

/// Weights of one adapter, shaped as in torch::nn::Linear. Two with the same `down` are one
/// adapter.
struct SiteAdapter {
  at::Tensor down;       // (bottleneck, hidden)
  at::Tensor down_bias;  // (bottleneck)
  at::Tensor up;         // (hidden, bottleneck)
  at::Tensor up_bias;    // (hidden)
};

/// Consecutive rows that go through one stack of adapters, bottom first.
struct SiteGroup {
  int64_t rows;
  std::vector<SiteAdapter> adapters;
};

namespace detail {

inline at::Tensor adapter_site_plain(const at::Tensor& f, const at::Tensor& a,
                                     const FrozenLayerNorm& norm, double dropout,
                                     const std::vector<SiteGroup>& groups) {
  const auto dropped = dropout > 0 ? at::dropout(f, dropout, /*train=*/true) : f;
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (const auto& group : groups) {
    auto y = dropped.narrow(0, first, group.rows);
    const auto a_rows = a.narrow(0, first, group.rows);
    for (const auto& adapter : group.adapters) {
      y = y + bottleneck(norm(y + a_rows), adapter.down, adapter.down_bias, adapter.up,
                         adapter.up_bias, Activation::kRelu);
    }
    outputs.push_back(norm(y + a_rows));
    first += group.rows;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

/// The adapters of all groups, each once, and the groups as indices into them: the form that
/// kernels take.
struct SiteGroups {
  explicit SiteGroups(const std::vector<SiteGroup>& from) {
    int64_t first = 0;
    for (const auto& group : from) {
      cpu::SiteGroup indices{first, group.rows, {}};
      for (const auto& adapter : group.adapters) {
        size_t index = 0;
        while (index < adapters.size() && !adapters[index].down.is_same(adapter.down)) ++index;
        if (index == adapters.size()) adapters.push_back(adapter);
        indices.adapters.push_back(index);
      }
      groups.push_back(std::move(indices));
      first += group.rows;
    }
  }
  std::vector<SiteAdapter> adapters;
  std::vector<cpu::SiteGroup> groups;
};

/// The stacks with their weights in another type, each adapter once.
inline std::vector<SiteGroup> in_type(const SiteGroups& indexed, at::ScalarType type) {
  std::vector<SiteAdapter> adapters;
  for (const auto& adapter : indexed.adapters) {
    adapters.push_back({adapter.down.to(type), adapter.down_bias.to(type), adapter.up.to(type),
                        adapter.up_bias.to(type)});
  }
  std::vector<SiteGroup> groups;
  for (const auto& group : indexed.groups) {
    groups.push_back({group.rows, {}});
    for (const auto index : group.adapters) groups.back().adapters.push_back(adapters[index]);
  }
  return groups;
}

inline const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/// The op on the kernels of madx/cpu. Tensors that take part in autograd come as f, a and a list of
/// four an adapter.
struct CpuAdapterSite : torch::autograd::Function<CpuAdapterSite> {
  using Context = torch::autograd::AutogradContext;
  static constexpr size_t kInputs = 2;  // f and a, before the adapters' weights

  /// What backward needs beside tensors; saved_data takes it as an object of TorchScript.
  struct Settings : torch::CustomClassHolder {
    Settings(std::vector<cpu::SiteGroup> groups_, double norm_eps_, double dropout_, uint64_t seed_)
        : groups(std::move(groups_)), norm_eps(norm_eps_), dropout(dropout_), seed(seed_) {}
    std::vector<cpu::SiteGroup> groups;
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

}  // namespace detail

/// A site under stacks of adapters with Pfeiffer's configuration, bottom first (docs/design.md,
/// "Stacks follow AdapterHub"):
///   y_0 = dropout(f),  y_i = U_i relu(D_i LN(y_{i-1} + a)) + y_{i-1},  out = LN(y_n + a)
/// f, a (rows, hidden) -> (rows, hidden). `groups` share the rows out in order: a batch of several
/// languages, its rows ordered by language, costs what one of a single language does. Without
/// adapters this is how any block ends. Gradients go to f, a and the adapters, of an adapter in
/// several groups their sum; of an adapter, all weights learn or none does. Rows of 16 bits decide
/// the type: LayerNorm and adapters of float32 are rounded to it. On the CPU and on CUDA, kernels
/// compute it (src/cpu, src/cuda) where they take the tensors' types and sizes.
inline at::Tensor adapter_site_by_group(const at::Tensor& f, const at::Tensor& a,
                                        const FrozenLayerNorm& norm, double dropout,
                                        const std::vector<SiteGroup>& groups) {
  TORCH_CHECK(f.dim() == 2 && f.sizes() == a.sizes(),
              "adapter_site: expected f and a of one shape (rows, hidden), but got ", f.sizes(),
              " and ", a.sizes());
  detail::check_kind("adapter_site", {f, a});
  detail::check_kind("adapter_site", {norm.weight, norm.bias});
  detail::check_dropout("adapter_site", dropout);
  const auto hidden = f.size(1);
  const auto check = [](const char* what, const at::Tensor& tensor, at::IntArrayRef shape) {
    TORCH_CHECK(tensor.sizes() == shape, "adapter_site: expected ", what, " of shape ", shape,
                ", but got ", tensor.sizes());
  };
  int64_t rows = 0;
  for (const auto& group : groups) {
    TORCH_CHECK(group.rows >= 0, "adapter_site: expected groups of 0 rows or more, but got ",
                group.rows);
    rows += group.rows;
  }
  TORCH_CHECK(!groups.empty() && rows == f.size(0), "adapter_site: expected groups of ", f.size(0),
              " rows together, but got ", rows);
  check("a LayerNorm weight", norm.weight, {hidden});
  check("a LayerNorm bias", norm.bias, {hidden});
  const detail::SiteGroups indexed(groups);
  if (const auto type = f.scalar_type();
      at::isReducedFloatingType(type) && norm.weight.scalar_type() == at::kFloat) {
    return adapter_site_by_group(f, a, {norm.weight.to(type), norm.bias.to(type), norm.eps},
                                 dropout, detail::in_type(indexed, type));
  }
  detail::check_kind("adapter_site", {f, norm.weight});
  std::vector<at::Tensor> weights;
  const bool frozen_norm = !norm.weight.requires_grad() && !norm.bias.requires_grad();
  bool cpu = frozen_norm && takes_cpu_kernel({f, a, norm.weight, norm.bias}),
       cuda = frozen_norm && takes_cuda_kernel({f, a, norm.weight, norm.bias});
  for (const auto& adapter : indexed.adapters) {
    const auto bottleneck = adapter.down.size(0);
    check("down", adapter.down, {bottleneck, hidden});
    check("down's bias", adapter.down_bias, {bottleneck});
    check("up", adapter.up, {hidden, bottleneck});
    check("up's bias", adapter.up_bias, {hidden});
    detail::check_kind("adapter_site",
                       {f, adapter.down, adapter.down_bias, adapter.up, adapter.up_bias});
    for (const auto& weight : {adapter.down, adapter.down_bias, adapter.up, adapter.up_bias}) {
      // No adapter learns in part.
      const bool whole =
          weight.requires_grad() == adapter.down.requires_grad() && weight.is_contiguous();
      cpu = cpu && whole && takes_cpu_kernel({weight});
      cuda = cuda && whole && takes_cuda_kernel({f, weight});
      weights.push_back(weight);
    }
  }
  if (cuda) {
    std::vector<detail::CudaAdapterSite::Group> stacks;
    for (const auto& group : indexed.groups) stacks.push_back({group.rows, group.adapters});
    const auto plan = detail::cuda_site_plan(f, stacks, weights);
    if (plan != detail::CudaSitePlan::kPlain) {
      const auto op = plan == detail::CudaSitePlan::kFused ? detail::adapter_site_cuda
                                                           : detail::adapter_site_gemm;
      return op(f, a, norm.weight, norm.bias, norm.eps, dropout, stacks, weights);
    }
  }
  if (!cpu) return detail::adapter_site_plain(f, a, norm, dropout, groups);
  const bool with_gradient = wants_gradient(f) || wants_gradient(a) ||
                             std::any_of(weights.begin(), weights.end(), wants_gradient);
  const auto settings = c10::make_intrusive<detail::CpuAdapterSite::Settings>(
      indexed.groups, norm.eps, dropout, dropout > 0 ? random_seed() : 0);
  return detail::CpuAdapterSite::apply(f.contiguous(), a.contiguous(), at::TensorList(weights),
                                       norm.weight.contiguous(), norm.bias.contiguous(), settings,
                                       with_gradient);
}

/// The same for rows that all go through one stack.
inline at::Tensor adapter_site(const at::Tensor& f, const at::Tensor& a,
                               const FrozenLayerNorm& norm, double dropout,
                               const std::vector<SiteAdapter>& adapters) {
  return adapter_site_by_group(f, a, norm, dropout, {{f.dim() == 2 ? f.size(0) : 0, adapters}});
}

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>
#include <vector>

#include "madx/cpu/adapter_site.h"
#include "madx/ops/bottleneck.h"
#include "madx/ops/cpu_kernel.h"
#include "madx/ops/cuda_adapter_site.h"
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

/// Weights of one adapter, shaped as in torch::nn::Linear.
struct SiteAdapter {
  at::Tensor down;       // (bottleneck, hidden)
  at::Tensor down_bias;  // (bottleneck)
  at::Tensor up;         // (hidden, bottleneck)
  at::Tensor up_bias;    // (hidden)
};

namespace detail {

inline at::Tensor adapter_site_plain(const at::Tensor& f, const at::Tensor& a,
                                     const FrozenLayerNorm& norm, double dropout,
                                     const std::vector<SiteAdapter>& adapters) {
  auto y = dropout > 0 ? at::dropout(f, dropout, /*train=*/true) : f;
  for (const auto& adapter : adapters) {
    y = y + bottleneck(norm(y + a), adapter.down, adapter.down_bias, adapter.up, adapter.up_bias,
                       Activation::kRelu);
  }
  return norm(y + a);
}

inline const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

/// The op on the kernels of madx/cpu. Tensors that take part in autograd come as f, a and a list of
/// four an adapter.
struct CpuAdapterSite : torch::autograd::Function<CpuAdapterSite> {
  using Context = torch::autograd::AutogradContext;
  static constexpr size_t kInputs = 2;  // f and a, before the adapters' weights

  static cpu::SiteProblem problem(const at::Tensor& f, const at::Tensor& a,
                                  const FrozenLayerNorm& norm, at::TensorList weights,
                                  double dropout, uint64_t seed) {
    cpu::SiteProblem problem{floats(f), floats(a), floats(norm.weight), floats(norm.bias),
                             norm.eps,  f.size(0), f.size(1),           dropout,
                             seed,      {}};
    for (size_t i = 0; i < weights.size(); i += 4) {
      problem.adapters.push_back({floats(weights[i]), floats(weights[i + 1]),
                                  floats(weights[i + 2]), floats(weights[i + 3]),
                                  weights[i].size(0)});
    }
    return problem;
  }

  static std::vector<cpu::SiteAdapterKept> kept_pointers(at::TensorList kept) {
    std::vector<cpu::SiteAdapterKept> pointers;
    for (size_t i = 0; i < kept.size(); i += 2)
      pointers.push_back({kept[i].data_ptr<float>(), kept[i + 1].data_ptr<float>()});
    return pointers;
  }

  static at::Tensor forward(Context* ctx, const at::Tensor& f, const at::Tensor& a,
                            at::TensorList weights, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, double norm_eps, double dropout,
                            bool with_gradient) {
    const auto seed = dropout > 0 ? random_seed() : 0;
    const auto problem =
        CpuAdapterSite::problem(f, a, {norm_weight, norm_bias, norm_eps}, weights, dropout, seed);
    std::vector<at::Tensor> kept;
    if (with_gradient) {
      for (const auto& adapter : problem.adapters) {
        kept.push_back(at::empty({f.size(0), adapter.bottleneck}, f.options()));
        kept.push_back(at::empty_like(f));
      }
    }
    auto out = at::empty_like(f);
    cpu::adapter_site_forward(problem, kept_pointers(kept), at::get_num_threads(),
                              out.data_ptr<float>());
    if (with_gradient) {
      torch::autograd::variable_list saved{f, a, norm_weight, norm_bias};
      saved.insert(saved.end(), weights.begin(), weights.end());
      saved.insert(saved.end(), kept.begin(), kept.end());
      ctx->save_for_backward(std::move(saved));
      ctx->saved_data["adapters"] = static_cast<int64_t>(weights.size() / 4);
      ctx->saved_data["norm_eps"] = norm_eps;
      ctx->saved_data["dropout"] = dropout;
      ctx->saved_data["seed"] = static_cast<int64_t>(seed);
    }
    return out;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    const auto saved = ctx->get_saved_variables();
    const auto adapters = static_cast<size_t>(ctx->saved_data["adapters"].toInt());
    const auto &f = saved[0], &a = saved[1];
    const at::TensorList weights(saved.data() + 4, 4 * adapters);
    const at::TensorList kept(saved.data() + 4 + 4 * adapters, 2 * adapters);
    const auto problem =
        CpuAdapterSite::problem(f, a, {saved[2], saved[3], ctx->saved_data["norm_eps"].toDouble()},
                                weights, ctx->saved_data["dropout"].toDouble(),
                                static_cast<uint64_t>(ctx->saved_data["seed"].toInt()));
    torch::autograd::variable_list gradients(kInputs + weights.size() + 5);
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
    cpu::adapter_site_backward(problem, kept_pointers(kept), floats(outputs[0].contiguous()),
                               at::get_num_threads(), data(gradients[0]), data(gradients[1]),
                               pointers);
    return gradients;
  }
};

}  // namespace detail

/// A site under a stack of adapters with Pfeiffer's configuration, bottom first (docs/design.md,
/// "Stacks follow AdapterHub"):
///   y_0 = dropout(f),  y_i = U_i relu(D_i LN(y_{i-1} + a)) + y_{i-1},  out = LN(y_n + a)
/// f, a (rows, hidden) -> (rows, hidden). Without adapters this is how any block ends. Gradients go
/// to f, a and the adapters; of an adapter, all weights learn or none does. On the CPU and on CUDA
/// kernels compute it (src/cpu, src/cuda) where they take the tensors' types and sizes.
inline at::Tensor adapter_site(const at::Tensor& f, const at::Tensor& a,
                               const FrozenLayerNorm& norm, double dropout,
                               const std::vector<SiteAdapter>& adapters) {
  TORCH_CHECK(f.dim() == 2 && f.sizes() == a.sizes(),
              "adapter_site: expected f and a of one shape (rows, hidden), but got ", f.sizes(),
              " and ", a.sizes());
  const auto hidden = f.size(1);
  const auto check = [](const char* what, const at::Tensor& tensor, at::IntArrayRef shape) {
    TORCH_CHECK(tensor.sizes() == shape, "adapter_site: expected ", what, " of shape ", shape,
                ", but got ", tensor.sizes());
  };
  check("a LayerNorm weight", norm.weight, {hidden});
  check("a LayerNorm bias", norm.bias, {hidden});
  for (const auto& adapter : adapters) {
    const auto bottleneck = adapter.down.size(0);
    check("down", adapter.down, {bottleneck, hidden});
    check("down's bias", adapter.down_bias, {bottleneck});
    check("up", adapter.up, {hidden, bottleneck});
    check("up's bias", adapter.up_bias, {hidden});
  }
  std::vector<at::Tensor> weights;
  bool whole = !norm.weight.requires_grad(), cpu = takes_cpu_kernel({f, a, norm.weight, norm.bias}),
       cuda = takes_cuda_kernel({f, a, norm.weight, norm.bias});
  for (const auto& adapter : adapters) {
    for (const auto& weight : {adapter.down, adapter.down_bias, adapter.up, adapter.up_bias}) {
      // No adapter learns in part.
      whole =
          whole && weight.requires_grad() == adapter.down.requires_grad() && weight.is_contiguous();
      cpu = cpu && takes_cpu_kernel({weight});
      cuda = cuda && takes_cuda_kernel({f, weight});
      weights.push_back(weight);
    }
  }
  if (whole && cuda) {
    detail::CudaAdapterSite::Group all{f.size(0), std::vector<size_t>(adapters.size())};
    std::iota(all.adapters.begin(), all.adapters.end(), size_t{0});
    const auto plan = detail::cuda_site_plan(f, {all}, weights);
    if (plan != detail::CudaSitePlan::kPlain) {
      const auto op = plan == detail::CudaSitePlan::kFused ? detail::adapter_site_cuda
                                                           : detail::adapter_site_gemm;
      return op(f, a, norm.weight, norm.bias, norm.eps, dropout, {all}, weights);
    }
  }
  if (!whole || !cpu) return detail::adapter_site_plain(f, a, norm, dropout, adapters);
  const auto learns = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
  const bool with_gradient =
      at::GradMode::is_enabled() &&
      (learns(f) || learns(a) || std::any_of(weights.begin(), weights.end(), learns));
  return detail::CpuAdapterSite::apply(f.contiguous(), a.contiguous(), at::TensorList(weights),
                                       norm.weight, norm.bias, norm.eps, dropout, with_gradient);
}

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "madx/core/site_group.h"
#include "madx/cuda/adapter_site.h"
#include "madx/ops/cuda_kernel.h"
#include "madx/ops/once_differentiable.h"
#include "madx/ops/random_seed.h"

namespace madx::ops::detail {

/// adapter_site on the kernels of madx/cuda. Tensors that take part in autograd come as f, a and a
/// list of four an adapter, each adapter once.
struct CudaAdapterSite : torch::autograd::Function<CudaAdapterSite> {
  using Context = torch::autograd::AutogradContext;
  using List = torch::autograd::variable_list;
  static constexpr size_t kInputs = 2;  // f and a, before the adapters' weights

  using Group = madx::SiteGroup;
  /// What backward needs beside tensors; saved_data takes it as an object of TorchScript.
  struct Settings : torch::CustomClassHolder {
    Settings(std::vector<Group> groups_, double norm_eps_, double dropout_, uint64_t seed_)
        : groups(std::move(groups_)), norm_eps(norm_eps_), dropout(dropout_), seed(seed_) {
      for (const auto& group : groups) levels = std::max(levels, group.adapters.size());
    }
    std::vector<Group> groups;
    size_t levels = 0;
    double norm_eps, dropout;
    uint64_t seed;
  };

  /// What forward keeps of each level.
  struct Kept {
    at::Tensor statistics;      // (levels + 1, rows, 2), float32
    std::vector<at::Tensor> y;  // (rows, hidden)
    std::vector<at::Tensor>
        z;  // flat: (rows of the group, bottleneck) for each group, one after other
  };

  static at::Tensor forward(Context* ctx, const at::Tensor& f, const at::Tensor& a,
                            at::TensorList weights, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias,
                            const c10::intrusive_ptr<Settings>& settings, bool with_gradient) {
    const c10::DeviceGuard guard(f.device());
    const auto stream = cuda::current_stream(f.device().index());
    Kept kept;
    if (with_gradient) {
      kept.statistics = at::empty({static_cast<int64_t>(settings->levels) + 1, f.size(0), 2},
                                  f.options().dtype(at::kFloat));
      for (size_t level = 0; level < settings->levels; ++level) {
        kept.y.push_back(at::empty_like(f));
        kept.z.push_back(at::empty({z_size(*settings, weights, level)}, f.options()));
      }
    }
    auto out = at::empty_like(f);
    cuda::adapter_site_forward(problem(f, a, norm_weight, norm_bias, weights, *settings, kept.z),
                               kept_pointers(kept), out.data_ptr(), stream);
    if (with_gradient) {
      List saved{f, a, norm_weight, norm_bias, kept.statistics};
      for (const auto& part : {weights, at::TensorList(kept.y), at::TensorList(kept.z)})
        saved.insert(saved.end(), part.begin(), part.end());
      ctx->save_for_backward(std::move(saved));
      ctx->saved_data["settings"] = c10::IValue::make_capsule(settings);
    }
    return out;
  }

  static List backward(Context* ctx, List outputs) {
    refuse_double_backward("adapter_site");
    const auto saved = ctx->get_saved_variables();
    const auto settings =
        c10::static_intrusive_pointer_cast<Settings>(ctx->saved_data["settings"].toCapsule());
    const auto &f = saved[0], &a = saved[1];
    const c10::DeviceGuard guard(f.device());
    const auto levels = settings->levels;
    const auto z_begin = saved.end() - static_cast<int64_t>(levels);
    const auto y_begin = z_begin - static_cast<int64_t>(levels);
    const List weights(saved.begin() + 5, y_begin);
    const Kept kept{saved[4], List(y_begin, z_begin), List(z_begin, saved.end())};

    std::vector<bool> learns;  // by adapter
    for (size_t i = 0; i < weights.size(); i += 4)
      learns.push_back(ctx->needs_input_grad(kInputs + i));
    const bool inputs = ctx->needs_input_grad(0) || ctx->needs_input_grad(1);
    auto written = backward_pass(f, a, saved[2], saved[3], weights, *settings, kept,
                                 outputs[0].contiguous(), learns, inputs, ctx->needs_input_grad(0));
    List gradients(kInputs + weights.size() + 4);
    if (ctx->needs_input_grad(0)) gradients[0] = written.f.defined() ? written.f : written.sums[0];
    if (ctx->needs_input_grad(1)) gradients[1] = written.sums[0];
    for (size_t level = 0; level < levels; ++level)
      add_weight_gradients(level, *settings, weights, kept, written, learns, gradients);
    return gradients;
  }

 private:
  /// What the kernel writes in the backward pass.
  struct Written {
    List sums, h;      // by level; see cuda::SiteGradients
    List z_gradients;  // by level, flat like z
    at::Tensor f;      // undefined where it is sums[0]
  };

  static int64_t z_size(const Settings& settings, at::TensorList weights, size_t level) {
    int64_t size = 0;
    for (const auto& group : settings.groups)
      if (level < group.adapters.size())
        size += group.rows * weights[4 * group.adapters[level]].size(0);
    return size;
  }

  /// `z` by level, or empty.
  static cuda::SiteProblem problem(const at::Tensor& f, const at::Tensor& a,
                                   const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                                   at::TensorList weights, const Settings& settings,
                                   const std::vector<at::Tensor>& z) {
    cuda::SiteProblem problem{cuda_type(f),
                              f.data_ptr(),
                              a.data_ptr(),
                              norm_weight.data_ptr(),
                              norm_bias.data_ptr(),
                              settings.norm_eps,
                              f.size(0),
                              f.size(1),
                              settings.dropout,
                              settings.seed,
                              {}};
    std::vector<int64_t> z_offset(z.size(), 0);
    for (const auto& from : settings.groups) {
      cuda::SiteGroup group{from.rows, {}};
      for (size_t level = 0; level < from.adapters.size(); ++level) {
        const auto* part = &weights[4 * from.adapters[level]];
        const auto bottleneck = part[0].size(0);
        void* own_z = nullptr;
        if (!z.empty()) {
          own_z = cuda_data(z[level], z_offset[level]);
          z_offset[level] += from.rows * bottleneck;
        }
        group.adapters.push_back({part[0].data_ptr(), part[1].data_ptr(), part[2].data_ptr(),
                                  part[3].data_ptr(), bottleneck, own_z});
      }
      problem.groups.push_back(std::move(group));
    }
    return problem;
  }

  static cuda::SiteKept kept_pointers(const Kept& kept) {
    cuda::SiteKept pointers;
    for (const auto& y : kept.y) pointers.y.push_back(y.data_ptr());
    pointers.statistics = static_cast<float*>(cuda_data(kept.statistics));
    return pointers;
  }

  static Written backward_pass(const at::Tensor& f, const at::Tensor& a,
                               const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                               const List& weights, const Settings& settings, const Kept& kept,
                               const at::Tensor& out_gradient, const std::vector<bool>& learns,
                               bool inputs, bool f_wanted) {
    const auto levels = settings.levels;
    std::vector<bool> level_learns(levels);
    for (const auto& group : settings.groups)
      for (size_t level = 0; level < group.adapters.size(); ++level)
        level_learns[level] = level_learns[level] || learns[group.adapters[level]];

    Written written{List(levels + 1), List(levels), List(levels), {}};
    if (inputs) written.sums[0] = at::empty_like(f);
    for (size_t level = 0; level < levels; ++level) {
      // The gradient above a level that does not learn is read once, by the thread that then writes
      // the one below it in its place.
      written.sums[level + 1] = level_learns[level] ? at::empty_like(f) : written.sums[level];
      if (level_learns[level]) {
        written.h[level] = at::empty_like(f);
        written.z_gradients[level] = at::empty_like(kept.z[level]);
      }
    }
    if (f_wanted && settings.dropout > 0) written.f = at::empty_like(f);

    List transposed(weights.size());
    for (size_t i = 0; i < weights.size(); i += 4) {
      transposed[i] = weights[i].t().contiguous();
      transposed[i + 2] = weights[i + 2].t().contiguous();
    }
    cuda::SiteGradients pointers;
    for (const auto& sums : written.sums) pointers.sums.push_back(cuda_data(sums));
    for (const auto& h : written.h) pointers.h.push_back(cuda_data(h));
    pointers.f_gradient = cuda_data(written.f);
    std::vector<int64_t> offset(levels, 0);
    for (const auto& group : settings.groups) {
      pointers.adapters.emplace_back();
      for (size_t level = 0; level < group.adapters.size(); ++level) {
        const auto adapter = group.adapters[level];
        pointers.adapters.back().push_back(
            {transposed[4 * adapter + 2].data_ptr(), transposed[4 * adapter].data_ptr(),
             learns[adapter] ? cuda_data(written.z_gradients[level], offset[level]) : nullptr});
        offset[level] += group.rows * weights[4 * adapter].size(0);
      }
    }
    cuda::adapter_site_backward(problem(f, a, norm_weight, norm_bias, weights, settings, kept.z),
                                kept_pointers(kept), out_gradient.data_ptr(), pointers,
                                cuda::current_stream(f.device().index()));
    return written;
  }

  /// Adds, or puts first, a product into a gradient.
  static void accumulate(at::Tensor& sum, at::Tensor part) {
    sum = sum.defined() ? sum.add_(part) : std::move(part);
  }

  /// Gradients of one level's adapters, over neighbouring groups with the same adapter at once.
  static void add_weight_gradients(size_t level, const Settings& settings, const List& weights,
                                   const Kept& kept, const Written& written,
                                   const std::vector<bool>& learns, List& gradients) {
    const auto& groups = settings.groups;
    int64_t row = 0, offset = 0;
    for (size_t index = 0; index < groups.size();) {
      if (level >= groups[index].adapters.size()) {
        row += groups[index++].rows;
        continue;
      }
      const auto adapter = groups[index].adapters[level];
      int64_t rows = 0;
      while (index < groups.size() && level < groups[index].adapters.size() &&
             groups[index].adapters[level] == adapter)
        rows += groups[index++].rows;
      const auto bottleneck = weights[4 * adapter].size(0);
      if (learns[adapter]) {
        const auto flat = [&](const at::Tensor& z) {
          return z.narrow(0, offset, rows * bottleneck).view({rows, bottleneck});
        };
        const auto z = flat(kept.z[level]), z_gradient = flat(written.z_gradients[level]);
        const auto y_gradient = written.sums[level + 1].narrow(0, row, rows);
        const auto h = written.h[level].narrow(0, row, rows);
        auto* const part = &gradients[kInputs + 4 * adapter];
        accumulate(part[0], at::mm(z_gradient.t(), h));
        accumulate(part[1], z_gradient.sum(0));
        accumulate(part[2], at::mm(y_gradient.t(), z));
        accumulate(part[3], y_gradient.sum(0));
      }
      row += rows;
      offset += rows * bottleneck;
    }
  }
};

/// The op by the kernels. Adapters as four weights each, groups as indices of adapters.
inline at::Tensor adapter_site_cuda(const at::Tensor& f, const at::Tensor& a,
                                    const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                                    double norm_eps, double dropout,
                                    const std::vector<CudaAdapterSite::Group>& groups,
                                    const std::vector<at::Tensor>& weights) {
  const auto learns = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
  const bool with_gradient =
      at::GradMode::is_enabled() &&
      (learns(f) || learns(a) || std::any_of(weights.begin(), weights.end(), learns));
  return CudaAdapterSite::apply(f.contiguous(), a.contiguous(), at::TensorList(weights),
                                norm_weight.contiguous(), norm_bias.contiguous(),
                                c10::make_intrusive<CudaAdapterSite::Settings>(
                                    groups, norm_eps, dropout, dropout > 0 ? random_seed() : 0),
                                with_gradient);
}

/// The op by plain GEMMs between kernels that add and normalise: the better plan for bottlenecks so
/// large that the weights would be read too often (cuda::fuses).
inline at::Tensor adapter_site_gemm(const at::Tensor& f, const at::Tensor& a,
                                    const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                                    double norm_eps, double dropout,
                                    const std::vector<CudaAdapterSite::Group>& groups,
                                    const std::vector<at::Tensor>& weights) {
  const auto dropped = dropout > 0 ? at::dropout(f, dropout, /*train=*/true) : f;
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (const auto& group : groups) {
    auto y = dropped.narrow(0, first, group.rows);
    const auto a_rows = a.narrow(0, first, group.rows);
    const auto add_and_norm = [&] {
      return adapter_site_cuda(y, a_rows, norm_weight, norm_bias, norm_eps, /*dropout=*/0,
                               {{group.rows, {}}}, {});
    };
    for (const auto adapter : group.adapters) {
      const auto* part = &weights[4 * adapter];
      const auto z = at::relu(at::linear(add_and_norm(), part[0], part[1]));
      y = y + at::linear(z, part[2], part[3]);
    }
    outputs.push_back(add_and_norm());
    first += group.rows;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

/// How the kernels compute a site; kPlain: not at all, for its stacks are too deep or its rows too
/// wide.
enum class CudaSitePlan { kFused, kGemm, kPlain };

inline CudaSitePlan cuda_site_plan(const at::Tensor& f,
                                   const std::vector<CudaAdapterSite::Group>& groups,
                                   const std::vector<at::Tensor>& weights) {
  int64_t widest = 0;
  for (size_t i = 0; i < weights.size(); i += 4) widest = std::max(widest, weights[i].size(0));
  const c10::DeviceGuard guard(f.device());
  const auto type = cuda_type(f);
  const bool shallow = std::all_of(groups.begin(), groups.end(), [](const auto& group) {
    return group.adapters.size() <= static_cast<size_t>(cuda::kDeepestStack);
  });
  if (shallow && cuda::fuses(type, f.size(1), widest)) return CudaSitePlan::kFused;
  return cuda::fits(type, f.size(1), /*bottleneck=*/0) ? CudaSitePlan::kGemm : CudaSitePlan::kPlain;
}

}  // namespace madx::ops::detail

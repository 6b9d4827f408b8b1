#include "ops/adapter_site_cuda.h"

#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "madx/cuda/adapter_site.h"
#include "madx/ops/batch_part.h"
#include "madx/ops/random_seed.h"
#include "ops/adapter_site_cuda_pass.h"
#include "ops/adapter_site_problem.h"
#include "ops/cuda_kernel.h"
#include "ops/once_differentiable.h"
#include "ops/row_numbers.h"
#include "ops/wants_gradient.h"

namespace madx::ops::detail {

namespace {

/// adapter_site on the kernels of madx/cuda. Tensors that take part in autograd come as f, a and a
/// list of four an adapter, each adapter once.
struct CudaAdapterSite : torch::autograd::Function<CudaAdapterSite> {
  using Context = torch::autograd::AutogradContext;
  using List = torch::autograd::variable_list;
  static constexpr size_t kInputs = 2;  // f and a, before the adapters' weights

  static at::Tensor forward(Context* ctx, const at::Tensor& f, const at::Tensor& a,
                            at::TensorList weights, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias,
                            const c10::intrusive_ptr<SiteSettings>& settings, bool with_gradient) {
    const c10::DeviceGuard guard(f.device());
    const CudaSiteInputs site{f, a, norm_weight, norm_bias, weights, *settings};
    CudaSiteKept kept;
    if (with_gradient) kept.allocate(site);
    auto out = at::empty_like(f);
    cuda::adapter_site_forward(site.problem(), kept.pointers(site), out.data_ptr(),
                               cuda::current_stream(f.device().index()));
    if (with_gradient) {
      List saved{f, a, norm_weight, norm_bias, kept.statistics};
      for (const auto& part : {weights, at::TensorList(kept.y), at::TensorList(kept.z)})
        saved.insert(saved.end(), part.begin(), part.end());
      ctx->save_for_backward(std::move(saved));
      save_settings(*ctx, settings);
    }
    return out;
  }

  static List backward(Context* ctx, List outputs) {
    refuse_double_backward("adapter_site");
    const auto saved = ctx->get_saved_variables();
    const auto settings = saved_settings(*ctx);
    const auto levels = settings->levels;
    const auto z_begin = saved.end() - static_cast<int64_t>(levels);
    const auto y_begin = z_begin - static_cast<int64_t>(levels);
    const List weights(saved.begin() + 5, y_begin);
    const CudaSiteKept kept{saved[4], List(y_begin, z_begin), List(z_begin, saved.end())};
    const CudaSiteInputs site{saved[0], saved[1], saved[2], saved[3], weights, *settings};
    const c10::DeviceGuard guard(site.f.device());

    std::vector<bool> learns;  // by adapter
    for (size_t i = 0; i < weights.size(); i += 4)
      learns.push_back(ctx->needs_input_grad({{kInputs + i, kInputs + i + 4}}));
    const bool inputs = ctx->needs_input_grad(0) || ctx->needs_input_grad(1);
    const auto written = cuda_site_backward(site, kept, outputs[0].contiguous(), learns, inputs,
                                            ctx->needs_input_grad(0));
    List gradients(kInputs + weights.size() + 4);
    if (ctx->needs_input_grad(0)) gradients[0] = written.f.defined() ? written.f : written.sums[0];
    if (ctx->needs_input_grad(1)) gradients[1] = written.sums[0];
    for (size_t level = 0; level < levels; ++level)
      add_site_weight_gradients(level, site, kept, written, learns, gradients.data() + kInputs);
    return gradients;
  }
};

}  // namespace

at::Tensor adapter_site_cuda(const at::Tensor& f, const at::Tensor& a,
                             const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                             double norm_eps, double dropout,
                             const std::vector<IndexedSiteGroup>& groups, at::TensorList weights) {
  if (dropout > 0) refuse_part("adapter_site");
  const auto settings =
      c10::make_intrusive<SiteSettings>(groups, norm_eps, dropout, dropout > 0 ? random_seed() : 0);
  return CudaAdapterSite::apply(f.contiguous(), a.contiguous(), weights, norm_weight.contiguous(),
                                norm_bias.contiguous(), settings,
                                wants_gradient({f, a}) || wants_gradient(weights));
}

at::Tensor adapter_site_gemm(const at::Tensor& f, const at::Tensor& a,
                             const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                             double norm_eps, double dropout,
                             const std::vector<IndexedSiteGroup>& groups, at::TensorList weights) {
  const auto dropped = dropout > 0 ? ops::dropout(f, dropout) : f;
  std::vector<at::Tensor> outputs;
  for (const auto& group : groups) {
    auto y = dropped.narrow(0, group.first, group.rows);
    const auto a_rows = a.narrow(0, group.first, group.rows);
    const auto add_and_norm = [&] {
      return adapter_site_cuda(y, a_rows, norm_weight, norm_bias, norm_eps, /*dropout=*/0,
                               {{0, group.rows, {}}}, {});
    };
    for (const auto adapter : group.adapters) {
      const auto* part = &weights[4 * adapter];
      const auto z = at::relu(at::linear(add_and_norm(), part[0], part[1]));
      y = y + at::linear(z, part[2], part[3]);
    }
    outputs.push_back(add_and_norm());
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

CudaSiteForm cuda_site_form(const at::Tensor& f, const std::vector<IndexedSiteGroup>& groups,
                            at::TensorList weights) {
  int64_t widest = 0;
  for (size_t i = 0; i < weights.size(); i += 4) widest = std::max(widest, weights[i].size(0));
  const c10::DeviceGuard guard(f.device());
  const auto type = cuda_type(f);
  const bool shallow = std::all_of(groups.begin(), groups.end(), [](const auto& group) {
    return group.adapters.size() <= static_cast<size_t>(cuda::kDeepestStack);
  });
  if (shallow && cuda::fuses(type, f.size(1), widest)) return CudaSiteForm::kFused;
  return cuda::fits(type, f.size(1), /*bottleneck=*/0) ? CudaSiteForm::kGemm
                                                       : CudaSiteForm::kComposite;
}

}  // namespace madx::ops::detail

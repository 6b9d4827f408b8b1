#include "madx/ops/adapter_site.h"

#include <utility>

#include "madx/core/site_problem.h"
#include "madx/ops/batch_part.h"
#include "madx/ops/bottleneck.h"
#include "madx/ops/checks.h"
#include "ops/adapter_site_cpu.h"
#include "ops/adapter_site_cuda.h"
#include "ops/cpu_kernel.h"
#include "ops/cuda_kernel.h"
#include "ops/schema.h"

namespace madx::ops {

namespace detail {

namespace {

/// The composite form. `weights`: four an adapter.
at::Tensor adapter_site_composite(const at::Tensor& f, const at::Tensor& a,
                                  const FrozenLayerNorm& norm, double dropout,
                                  const std::vector<IndexedSiteGroup>& groups,
                                  at::TensorList weights) {
  const auto dropped = dropout > 0 ? ops::dropout(f, dropout) : f;
  std::vector<at::Tensor> outputs;
  for (const auto& group : groups) {
    auto y = dropped.narrow(0, group.first, group.rows);
    const auto a_rows = a.narrow(0, group.first, group.rows);
    for (const auto adapter : group.adapters) {
      const auto* w = weights.data() + 4 * adapter;
      y = y + bottleneck(norm(y + a_rows), w[0], w[1], w[2], w[3], Activation::kRelu);
    }
    outputs.push_back(norm(y + a_rows));
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

/// The groups of a flat argument list.
std::vector<IndexedSiteGroup> site_groups(at::IntArrayRef rows, at::IntArrayRef sizes,
                                          at::IntArrayRef adapters, int64_t all_rows,
                                          int64_t all_adapters) {
  TORCH_CHECK(rows.size() == sizes.size(), "adapter_site: expected a size for each of ",
              rows.size(), " groups, but got ", sizes.size());
  std::vector<IndexedSiteGroup> groups;
  int64_t first = 0;
  size_t next = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    TORCH_CHECK(rows[i] >= 0, "adapter_site: expected groups of 0 rows or more, but got ", rows[i]);
    TORCH_CHECK(sizes[i] >= 0 && next + static_cast<size_t>(sizes[i]) <= adapters.size(),
                "adapter_site: expected as many adapters as the groups' sizes say, but got ",
                adapters.size());
    IndexedSiteGroup group{first, rows[i], {}};
    for (int64_t level = 0; level < sizes[i]; ++level, ++next) {
      TORCH_CHECK(adapters[next] >= 0 && adapters[next] < all_adapters,
                  "adapter_site: expected indices of ", all_adapters, " adapters, but got ",
                  adapters[next]);
      group.adapters.push_back(static_cast<size_t>(adapters[next]));
    }
    groups.push_back(std::move(group));
    first += rows[i];
  }
  TORCH_CHECK(next == adapters.size(),
              "adapter_site: expected as many adapters as the groups' sizes say, ", next,
              ", but got ", adapters.size());
  TORCH_CHECK(!groups.empty() && first == all_rows, "adapter_site: expected groups of ", all_rows,
              " rows together, but got ", first);
  return groups;
}

/// Stacks of tensors as the operator's lists, each adapter once.
struct SiteArguments {
  explicit SiteArguments(const std::vector<SiteGroup>& groups) {
    for (const auto& group : groups) {
      rows.push_back(group.rows);
      sizes.push_back(static_cast<int64_t>(group.adapters.size()));
      for (const auto& adapter : group.adapters) {
        size_t at = 0;
        while (at < weights.size() && !weights[at].is_same(adapter.down)) at += 4;
        stacks.push_back(static_cast<int64_t>(at / 4));
        if (at == weights.size())
          weights.insert(weights.end(),
                         {adapter.down, adapter.down_bias, adapter.up, adapter.up_bias});
      }
    }
  }
  std::vector<int64_t> rows, sizes, stacks;
  std::vector<at::Tensor> weights;
};

/// Checks all but the groups.
void check_site(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                const at::Tensor& norm_bias, double dropout, at::TensorList weights) {
  TORCH_CHECK(f.dim() == 2 && f.sizes() == a.sizes(),
              "adapter_site: expected f and a of one shape (rows, hidden), but got ", f.sizes(),
              " and ", a.sizes());
  check_kind("adapter_site", {f, a});
  check_kind("adapter_site", {norm_weight, norm_bias});
  check_dropout("adapter_site", dropout);
  TORCH_CHECK(weights.size() % 4 == 0, "adapter_site: expected four weights an adapter, but got ",
              weights.size());
  for (const auto* norm : {&norm_weight, &norm_bias}) {
    TORCH_CHECK(norm->sizes() == at::IntArrayRef({f.size(1)}),
                "adapter_site: expected a LayerNorm ", norm == &norm_weight ? "weight" : "bias",
                " of shape [", f.size(1), "], but got ", norm->sizes());
  }
}

/// Checks one adapter's weights.
void check_site_adapter(const at::Tensor& f, const at::Tensor* w) {
  const auto check = [](const char* what, const at::Tensor& tensor, at::IntArrayRef shape) {
    TORCH_CHECK(tensor.sizes() == shape, "adapter_site: expected ", what, " of shape ", shape,
                ", but got ", tensor.sizes());
  };
  const auto hidden = f.size(1), bottleneck = w[0].size(0);
  check("down", w[0], {bottleneck, hidden});
  check("down's bias", w[1], {bottleneck});
  check("up", w[2], {hidden, bottleneck});
  check("up's bias", w[3], {hidden});
  check_kind("adapter_site", {f, w[0], w[1], w[2], w[3]});
}

/// Which devices' kernels take all of these tensors.
struct SiteKernels {
  bool cpu, cuda;
};

SiteKernels site_kernels(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                         const at::Tensor& norm_bias, at::TensorList weights) {
  if (norm_weight.requires_grad() || norm_bias.requires_grad()) return {false, false};
  SiteKernels takes{takes_cpu_kernel({f, a, norm_weight, norm_bias}),
                    takes_cuda_kernel({f, a, norm_weight, norm_bias})};
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto& down = weights[i - i % 4];
    // No adapter learns in part.
    const bool whole =
        weights[i].requires_grad() == down.requires_grad() && weights[i].is_contiguous();
    takes.cpu = takes.cpu && whole && takes_cpu_kernel({weights[i]});
    takes.cuda = takes.cuda && whole && takes_cuda_kernel({f, weights[i]});
  }
  return takes;
}

}  // namespace

at::Tensor adapter_site_op(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                           const at::Tensor& norm_bias, double norm_eps, double dropout,
                           at::IntArrayRef group_rows, at::IntArrayRef group_sizes,
                           at::IntArrayRef group_adapters, at::TensorList weights) {
  check_site(f, a, norm_weight, norm_bias, dropout, weights);
  auto groups = site_groups(group_rows, group_sizes, group_adapters, f.size(0),
                            static_cast<int64_t>(weights.size() / 4));
  if (const auto type = f.scalar_type();
      at::isReducedFloatingType(type) && norm_weight.scalar_type() == at::kFloat) {
    std::vector<at::Tensor> rounded;
    for (const auto& weight : weights) rounded.push_back(weight.to(type));
    return adapter_site_op(f, a, norm_weight.to(type), norm_bias.to(type), norm_eps, dropout,
                           group_rows, group_sizes, group_adapters, rounded);
  }
  check_kind("adapter_site", {f, norm_weight});
  for (size_t i = 0; i < weights.size(); i += 4) check_site_adapter(f, &weights[i]);
  const auto devices = site_kernels(f, a, norm_weight, norm_bias, weights);
  const auto form = devices.cuda ? cuda_site_form(f, groups, weights) : CudaSiteForm::kComposite;
  if (form != CudaSiteForm::kComposite) {
    const auto op = form == CudaSiteForm::kFused ? adapter_site_cuda : adapter_site_gemm;
    return op(f, a, norm_weight, norm_bias, norm_eps, dropout, groups, weights);
  }
  if (devices.cpu)
    return adapter_site_cpu(f, a, norm_weight, norm_bias, norm_eps, dropout, std::move(groups),
                            weights);
  return adapter_site_composite(f, a, {norm_weight, norm_bias, norm_eps}, dropout, groups, weights);
}

}  // namespace detail

at::Tensor adapter_site_composite(const at::Tensor& f, const at::Tensor& a,
                                  const FrozenLayerNorm& norm, double dropout,
                                  const std::vector<SiteGroup>& groups) {
  const detail::SiteArguments flat(groups);
  const auto flat_groups = detail::site_groups(flat.rows, flat.sizes, flat.stacks, f.size(0),
                                               static_cast<int64_t>(flat.weights.size() / 4));
  return detail::adapter_site_composite(f, a, norm, dropout, flat_groups, flat.weights);
}

at::Tensor adapter_site_by_group(const at::Tensor& f, const at::Tensor& a,
                                 const FrozenLayerNorm& norm, double dropout,
                                 const std::vector<SiteGroup>& groups) {
  const detail::SiteArguments flat(groups);
  static const auto op =
      detail::operator_handle<decltype(detail::adapter_site_op)>("madx::adapter_site");
  return op.call(f, a, norm.weight, norm.bias, norm.eps, dropout, flat.rows, flat.sizes,
                 flat.stacks, flat.weights);
}

at::Tensor adapter_site(const at::Tensor& f, const at::Tensor& a, const FrozenLayerNorm& norm,
                        double dropout, const std::vector<SiteAdapter>& adapters) {
  return adapter_site_by_group(f, a, norm, dropout, {{f.dim() == 2 ? f.size(0) : 0, adapters}});
}

}  // namespace madx::ops

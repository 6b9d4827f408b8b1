#include "ops/adapter_site_cuda_pass.h"

#include <utility>

#include "ops/cuda_kernel.h"

namespace madx::ops::detail {

cuda::SiteProblem CudaSiteInputs::problem() const {
  cuda::SiteProblem problem;
  fill_site_problem(f, a, norm_weight, norm_bias, weights, settings, problem);
  problem.type = cuda_type(f);
  return problem;
}

int64_t CudaSiteInputs::z_size(size_t level) const {
  int64_t size = 0;
  for (const auto& group : settings.groups)
    if (level < group.adapters.size()) size += group.rows * bottleneck(group.adapters[level]);
  return size;
}

void CudaSiteKept::allocate(const CudaSiteInputs& site) {
  const auto levels = site.settings.levels;
  statistics = at::empty({static_cast<int64_t>(levels) + 1, site.f.size(0), 2},
                         site.f.options().dtype(at::kFloat));
  for (size_t level = 0; level < levels; ++level) {
    y.push_back(at::empty_like(site.f));
    z.push_back(at::empty({site.z_size(level)}, site.f.options()));
  }
}

cuda::SiteKept CudaSiteKept::pointers(const CudaSiteInputs& site) const {
  cuda::SiteKept pointers;
  if (!statistics.defined()) return pointers;
  for (const auto& part : y) pointers.y.push_back(part.data_ptr());
  pointers.statistics = statistics.data_ptr<float>();
  std::vector<int64_t> offsets(z.size(), 0);
  for (const auto& group : site.settings.groups) {
    pointers.z.emplace_back();
    for (size_t level = 0; level < group.adapters.size(); ++level) {
      pointers.z.back().push_back(cuda_data(z[level], offsets[level]));
      offsets[level] += group.rows * site.bottleneck(group.adapters[level]);
    }
  }
  return pointers;
}

CudaSiteWritten cuda_site_backward(const CudaSiteInputs& site, const CudaSiteKept& kept,
                                   const at::Tensor& out_gradient, const std::vector<bool>& learns,
                                   bool inputs_wanted, bool f_wanted) {
  using List = std::vector<at::Tensor>;
  const auto& settings = site.settings;
  const auto levels = settings.levels;
  std::vector<bool> level_learns(levels);
  for (const auto& group : settings.groups)
    for (size_t level = 0; level < group.adapters.size(); ++level)
      level_learns[level] = level_learns[level] || learns[group.adapters[level]];

  CudaSiteWritten written{List(levels + 1), List(levels), List(levels), {}};
  if (inputs_wanted) written.sums[0] = at::empty_like(site.f);
  for (size_t level = 0; level < levels; ++level) {
    // The gradient above a level that does not learn is read once, by the thread that then writes
    // the one below it in its place.
    written.sums[level + 1] = level_learns[level] ? at::empty_like(site.f) : written.sums[level];
    if (level_learns[level]) {
      written.h[level] = at::empty_like(site.f);
      written.z_gradients[level] = at::empty_like(kept.z[level]);
    }
  }
  if (f_wanted && settings.dropout > 0) written.f = at::empty_like(site.f);

  List transposed(site.weights.size());
  for (size_t i = 0; i < transposed.size(); i += 4) {
    transposed[i] = site.weights[i].t().contiguous();
    transposed[i + 2] = site.weights[i + 2].t().contiguous();
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
      offset[level] += group.rows * site.bottleneck(adapter);
    }
  }
  cuda::adapter_site_backward(site.problem(), kept.pointers(site), out_gradient.data_ptr(),
                              pointers, cuda::current_stream(site.f.device().index()));
  return written;
}

namespace {

/// Adds, or puts first, a product into a gradient.
void accumulate(at::Tensor& sum, at::Tensor part) {
  sum = sum.defined() ? sum.add_(part) : std::move(part);
}

}  // namespace

void add_site_weight_gradients(size_t level, const CudaSiteInputs& site, const CudaSiteKept& kept,
                               const CudaSiteWritten& written, const std::vector<bool>& learns,
                               at::Tensor* gradients) {
  const auto& groups = site.settings.groups;
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
    const auto bottleneck = site.bottleneck(adapter);
    if (learns[adapter]) {
      const auto flat = [&](const at::Tensor& z) {
        return z.narrow(0, offset, rows * bottleneck).view({rows, bottleneck});
      };
      const auto z = flat(kept.z[level]), z_gradient = flat(written.z_gradients[level]);
      const auto y_gradient = written.sums[level + 1].narrow(0, row, rows);
      const auto h = written.h[level].narrow(0, row, rows);
      auto* const part = gradients + 4 * adapter;
      accumulate(part[0], at::mm(z_gradient.t(), h));
      accumulate(part[1], z_gradient.sum(0));
      accumulate(part[2], at::mm(y_gradient.t(), z));
      accumulate(part[3], y_gradient.sum(0));
    }
    row += rows;
    offset += rows * bottleneck;
  }
}

}  // namespace madx::ops::detail

#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "madx/adapters/path.h"
#include "madx/adapters/site.h"
#include "madx/ops/batch_part.h"

namespace madx {

namespace detail {

/// One plan on the rows of a site whose dropout has acted, as AdapterHub runs it (docs/design.md,
/// "Stacks follow AdapterHub").
class SiteRun {
 public:
  SiteRun(const SiteInput& site, const SitePlan& plan) : site_(site), plan_(plan) {}

  at::Tensor operator()() const {
    auto h = site_.f;  // (rows, hidden)
    bool above = false;
    for (const auto& step : plan_.steps) {
      h = through(step, h, above);
      above = true;
    }
    return plan_.last->close(h, site_);
  }

 private:
  AdapterImpl::Input read(const AdapterImpl& adapter, const at::Tensor& h, bool above) const {
    if (above && plan_.rule == StackRule::kPaper && !adapter.options.config().is_parallel)
      return {h, site_.f, site_.sequences};
    return adapter.read(h, site_);
  }

  /// h (rows, hidden), the output of what lies below; `above`: that is an adapter.
  at::Tensor through(const SiteStep& step, const at::Tensor& h, bool above) const {
    switch (step.kind) {
      case SiteStep::Kind::kNothing:
        return h;
      case SiteStep::Kind::kAdapter:
        return step.adapter->forward(read(*step.adapter, h, above));
      case SiteStep::Kind::kStack: {
        auto y = h;
        for (const auto& member : step.members) {
          y = through(member, y, above);
          above = true;
        }
        return y;
      }
      case SiteStep::Kind::kFuse:
        return fuse(step, h, above);
      case SiteStep::Kind::kAverage:
        return step.adapterhub ? adapterhub_average(step, h, above) : average(step, h, above);
    }
    TORCH_INTERNAL_ASSERT(false, "step without a case");
  }

  at::Tensor fuse(const SiteStep& step, const at::Tensor& h, bool above) const {
    const auto input = read(*step.adapter, h, above);
    std::vector<at::Tensor> outputs;  // (rows, hidden) each
    for (const auto& member : step.members) outputs.push_back(up(member, input, above));
    // AdapterHub takes a parallel adapter's input, a, as query and as residual.
    const bool parallel = step.adapter->options.config().is_parallel;
    const bool below = step.fusion->options.config().query_before_ln && !parallel;
    return step.fusion->forward(below ? h : input.x, outputs, parallel ? site_.a : input.residual,
                                step.optimizer_steps);
  }

  /// A fusion's member: the last bottleneck's output without its residual.
  at::Tensor up(const SiteStep& member, const AdapterImpl::Input& input, bool above) const {
    if (member.kind == SiteStep::Kind::kAdapter) return member.adapter->up(input);
    auto h = input.x;
    for (size_t i = 0; i + 1 < member.members.size(); ++i) {
      h = through(member.members[i], h, above);
      above = true;
    }
    auto* const last = member.members.back().adapter;
    return last->up(read(*last, h, above));
  }

  at::Tensor average(const SiteStep& step, const at::Tensor& h, bool above) const {
    at::Tensor sum;
    for (size_t i = 0; i < step.members.size(); ++i) {
      const auto part = step.weights[i] * through(step.members[i], h, above);
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }

  /// AdapterHub's: one reads for all (a stack among them reads once more), and the weighted sum is
  /// divided by the number of members.
  at::Tensor adapterhub_average(const SiteStep& step, const at::Tensor& h, bool above) const {
    const auto input = read(*step.adapter, h, above);
    at::Tensor sum;
    for (size_t i = 0; i < step.members.size(); ++i) {
      const auto& member = step.members[i];
      const auto part = member.kind == SiteStep::Kind::kAdapter ? member.adapter->forward(input)
                        : member.kind == SiteStep::Kind::kStack ? through(member, input.x, above)
                                                                : h;
      sum = sum.defined() ? sum + step.weights[i] * part : step.weights[i] * part;
    }
    return sum / static_cast<double>(step.members.size());
  }

  const SiteInput& site_;
  const SitePlan& plan_;
};

}  // namespace detail

/// The block's output at a site: (rows, hidden), by the path that each group of rows takes.
/// AdapterHub's semantics: every adapter reads its own LN(h + a), its residual is the output of
/// the one below (f for the first), and the last one closes the block. The paper's own equation
/// differs (docs/design.md). Throws c10::Error for a layer that the plan is not for, and for groups
/// that are not all rows.
inline at::Tensor site_forward(int64_t layer, Site site, const SiteInput& input,
                               const std::vector<RowGroup>& groups) {
  const auto plan_of = [&](const RowGroup& group) -> const SitePlan& {
    return group.path->at(layer, site);
  };
  int64_t rows_of_groups = 0;
  for (const auto& group : groups) {
    TORCH_CHECK(group.path != nullptr, "site_forward: expected a path of each group of rows");
    TORCH_CHECK(layer >= 0 && layer < static_cast<int64_t>(group.path->sites.size()),
                "site_forward: expected a layer below ", group.path->sites.size(),
                ", which the plan is for, but got ", layer);
    rows_of_groups += group.rows;
  }
  TORCH_CHECK(rows_of_groups == input.f.size(0), "site_forward: expected groups of ",
              input.f.size(0), " rows, but got groups of ", rows_of_groups);
  const auto fits = [&](const RowGroup& group) { return plan_of(group).fits_site_op(); };
  if (std::all_of(groups.begin(), groups.end(), fits)) {
    std::vector<ops::SiteGroup> stacks;
    for (const auto& group : groups) stacks.push_back({group.rows, plan_of(group).weights()});
    return ops::adapter_site_by_group(input.f, input.a, input.norm, input.dropout, stacks);
  }
  // Adapters that the op does not take compute in their own type, which is LayerNorm's.
  const auto own = input.norm.weight.scalar_type();
  const auto dropped = input.dropout > 0 ? ops::dropout(input.f, input.dropout) : input.f;
  const auto f = dropped.to(own), a = input.a.to(own);
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (const auto& group : groups) {
    const SiteInput rows{f.narrow(0, first, group.rows), a.narrow(0, first, group.rows), input.norm,
                         /*dropout=*/0,
                         group.sequences.back() == group.rows ? &group.sequences : nullptr};
    const auto& plan = plan_of(group);
    outputs.push_back(fits(group) ? ops::adapter_site(rows.f, rows.a, rows.norm, 0, plan.weights())
                                  : detail::SiteRun(rows, plan)());
    first += group.rows;
  }
  return (outputs.size() == 1 ? outputs.front() : at::cat(outputs)).to(input.f.scalar_type());
}

}  // namespace madx

#pragma once

#include <algorithm>
#include <vector>

#include "madx/adapters/activation.h"

namespace madx {

/// What governs the sites of all layers beside the plans: a value, so that a batch keeps the rules
/// that it began with.
struct SiteRules {
  StackRule stack = StackRule::kAdapterHub;
  std::vector<int64_t> skipped;  ///< layers in which no adapter acts

  bool skips(int64_t layer) const {
    return std::find(skipped.begin(), skipped.end(), layer) != skipped.end();
  }
  /// Whether something that acts in this layer, under these plans, learns.
  bool learns(int64_t layer, const std::vector<RowGroup>& groups) const;

  /// The block's output at a site: (rows, hidden), by the plan that each group of rows takes.
  /// AdapterHub's semantics: every adapter reads its own LN(h + a), its residual is the output of
  /// the one below (f for the first), and the last one closes the block. The paper's own equation
  /// differs (docs/design.md).
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input,
                     const std::vector<RowGroup>& groups) const;
};

inline bool SiteRules::learns(int64_t layer, const std::vector<RowGroup>& groups) const {
  if (skips(layer)) return false;
  return std::any_of(groups.begin(), groups.end(), [&](const RowGroup& group) {
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      const auto& steps = group.plan->at(layer, site).steps;
      if (std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.learns(); }))
        return true;
    }
    return false;
  });
}

inline at::Tensor SiteRules::forward(int64_t layer, Site site, const SiteInput& input,
                                     const std::vector<RowGroup>& groups) const {
  static const SitePlan kNone;
  const bool skipped = skips(layer);
  const auto plan_of = [&](const RowGroup& group) -> const SitePlan& {
    return skipped ? kNone : group.plan->at(layer, site);
  };
  const auto fits = [&](const RowGroup& group) { return plan_of(group).fits_site_op(stack); };
  if (std::all_of(groups.begin(), groups.end(), fits)) {
    std::vector<ops::SiteGroup> stacks;
    for (const auto& group : groups) stacks.push_back({group.rows, plan_of(group).weights()});
    return ops::adapter_site_by_group(input.f, input.a, input.norm, input.dropout, stacks);
  }
  // Adapters that the op does not take compute in their own type, which is LayerNorm's.
  const auto own = input.norm.weight.scalar_type();
  const auto dropped =
      input.dropout > 0 ? at::dropout(input.f, input.dropout, /*train=*/true) : input.f;
  const auto f = dropped.to(own), a = input.a.to(own);
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (const auto& group : groups) {
    const SiteInput rows{f.narrow(0, first, group.rows), a.narrow(0, first, group.rows), input.norm,
                         /*dropout=*/0,
                         group.sequences.back() == group.rows ? &group.sequences : nullptr};
    const auto& plan = plan_of(group);
    outputs.push_back(fits(group) ? ops::adapter_site(rows.f, rows.a, rows.norm, 0, plan.weights())
                                  : detail::SiteRun(rows, stack)(plan));
    first += group.rows;
  }
  return (outputs.size() == 1 ? outputs.front() : at::cat(outputs)).to(input.f.scalar_type());
}

}  // namespace madx

#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "madx/adapters/adapter_set.h"
#include "madx/adapters/site_plan.h"

namespace madx {

/// How one sequence goes through the encoder: what runs at every site, and the invertible adapter.
struct Path {
  /// What runs at a site; `layer` in [0, layers).
  const SitePlan& at(int64_t layer, Site site) const {
    return sites[static_cast<size_t>(layer)][static_cast<size_t>(site)];
  }
  /// Whether the last layer must compute all rows, even those that nobody reads: a gate is a mean
  /// over all tokens.
  bool needs_all_rows() const;
  /// Whether a weight that acts in this layer requires a gradient.
  bool learns(int64_t layer) const;

  std::vector<std::array<SitePlan, 2>> sites;   ///< by layer and site
  InvertibleAdapterImpl* invertible = nullptr;  ///< of the composition's first adapter, or none
  /// What the pointers point to: it lives as long as this, whatever becomes of sets and fusions.
  std::vector<std::shared_ptr<const torch::nn::Module>> modules;
};

/// Rows of a batch that go the same way, in order.
struct RowGroup {
  std::shared_ptr<const Path> path;  ///< what they go through
  int64_t rows = 0;                  ///< how many
  RowOffsets sequences = {0};        ///< where they begin, counted from the group's first row
};

inline bool Path::needs_all_rows() const {
  const auto gated = [](const auto& self, const SiteStep& step) -> bool {
    return (step.kind == SiteStep::Kind::kAdapter && step.adapter->gate) ||
           std::any_of(step.members.begin(), step.members.end(),
                       [&](const SiteStep& member) { return self(self, member); });
  };
  if (sites.empty()) return false;
  for (const auto& site : sites.back()) {
    for (const auto& step : site.steps)
      if (gated(gated, step)) return true;
  }
  return false;
}

inline bool Path::learns(int64_t layer) const {
  for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
    const auto& steps = at(layer, site).steps;
    if (std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.learns(); }))
      return true;
  }
  return false;
}

}  // namespace madx

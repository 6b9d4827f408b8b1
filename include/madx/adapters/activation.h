#pragma once

#include <array>
#include <memory>
#include <vector>

#include "madx/adapters/adapter_set.h"
#include "madx/adapters/composition.h"
#include "madx/adapters/site_plan.h"

namespace madx {

/// How one sequence goes through the bank: what runs at every site, and the invertible adapter.
struct Plan {
  const SitePlan& at(int64_t layer, Site site) const {
    return sites[static_cast<size_t>(layer)][static_cast<size_t>(site)];
  }
  /// Whether the last layer must compute all rows, even those that nobody reads: a gate is a mean
  /// over all tokens.
  bool needs_all_rows() const;

  std::vector<std::array<SitePlan, 2>> sites;   // by layer and site
  InvertibleAdapterImpl* invertible = nullptr;  ///< of the composition's first adapter
  /// The sets and fusions that the pointers point into: they live as long as this.
  std::vector<std::shared_ptr<const torch::nn::Module>> modules;
};

/// A composition made ready to run: names resolved, batch splits and parallel blocks spread over
/// sequences. AdapterStack::prepare makes it; its bank may switch to it at any time.
struct Activation {
  /// Consecutive sequences that go the same way.
  struct Part {
    int64_t sequences;                 ///< -1: all there are
    Composition composition;           ///< of stacks, fusions and averages alone
    std::shared_ptr<const Plan> plan;  ///< nullptr: made for each language of a batch
  };
  Composition composition;
  std::vector<std::vector<Part>> channels;  ///< more than one: the batch runs once for each
  std::vector<AdapterSetImpl*> members;     ///< each adapter once, from left to right
};

/// Rows of a batch that go the same way, in order.
struct RowGroup {
  std::shared_ptr<const Plan> plan;
  int64_t rows = 0;
  RowOffsets sequences = {0};  ///< where they begin, counted from the group's first row
};

/// Which plan each sequence of a batch takes.
struct Routing {
  int64_t channels = 1;
  std::vector<std::shared_ptr<const Plan>> plans;
  std::vector<size_t> plan_of;  ///< (channels * sequences): an index into plans
};

inline bool Plan::needs_all_rows() const {
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

}  // namespace madx

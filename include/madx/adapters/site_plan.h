#pragma once

#include <algorithm>
#include <vector>

#include "madx/adapters/adapter.h"
#include "madx/adapters/fusion_layer.h"
#include "madx/adapters/site.h"

namespace madx {

/// What an adapter reads that stands on another one.
enum class StackRule {
  kAdapterHub,  ///< LN(h + a) of the output h below, which is also its residual
  kPaper,       ///< h as it is; its residual is f (MAD-X section 4.2)
};

/// One block of a composition at one site, names resolved.
struct SiteStep {
  /// As Composition's blocks.
  enum class Kind {
    kNothing,  ///< a member that has no adapter here
    kAdapter,  ///< one adapter
    kStack,    ///< members, bottom first
    kFuse,     ///< a fusion over members
    kAverage,  ///< the weighted mean of members
  };
  Kind kind = Kind::kNothing;         ///< nothing: a member that has no adapter here
  AdapterImpl* adapter = nullptr;     ///< kFuse, kAverage: by whose rules the members read
  FusionLayerImpl* fusion = nullptr;  ///< kFuse: its attention
  std::vector<SiteStep> members;      ///< of a block
  std::vector<double> weights;        ///< kAverage
  bool adapterhub = false;            ///< kAverage
  int64_t optimizer_steps = 0;        ///< kFuse: that it has learned for, for its temperature

  /// Whether a weight of an adapter or fusion in it requires a gradient.
  bool learns() const;
};

inline bool SiteStep::learns() const {
  const auto wanted = [](const torch::nn::Module* module) {
    if (module == nullptr) return false;
    const auto weights = module->parameters();
    return std::any_of(weights.begin(), weights.end(),
                       [](const at::Tensor& weight) { return weight.requires_grad(); });
  };
  return wanted(adapter) || wanted(fusion) ||
         std::any_of(members.begin(), members.end(),
                     [](const SiteStep& member) { return member.learns(); });
}

/// What runs at one site, bottom first.
struct SitePlan {
  std::vector<SiteStep> steps;              ///< bottom first
  AdapterImpl* last = nullptr;              ///< closes the block; nullptr where there is no adapter
  StackRule rule = StackRule::kAdapterHub;  ///< of stacks

  /// Whether ops::adapter_site computes it as a whole.
  bool fits_site_op() const {
    return (rule == StackRule::kAdapterHub || steps.size() < 2) &&
           std::all_of(steps.begin(), steps.end(), [](const SiteStep& step) {
             return step.kind == SiteStep::Kind::kAdapter && step.adapter->fits_site_op();
           });
  }

  /// Of a site that fits ops::adapter_site: bottom first.
  std::vector<ops::SiteAdapter> weights() const {
    std::vector<ops::SiteAdapter> weights;
    for (const auto& step : steps) weights.push_back(step.adapter->weights());
    return weights;
  }
};

}  // namespace madx

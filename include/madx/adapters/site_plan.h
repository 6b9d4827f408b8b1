#pragma once

#include <ATen/ATen.h>

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
  enum class Kind { kNothing, kAdapter, kStack, kFuse, kAverage };
  Kind kind = Kind::kNothing;      ///< nothing: a member that has no adapter here
  AdapterImpl* adapter = nullptr;  ///< kFuse, kAverage: by whose rules the members read
  FusionLayerImpl* fusion = nullptr;
  std::vector<SiteStep> members;
  std::vector<double> weights;  ///< kAverage
  bool exact = false;           ///< kAverage

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
  std::vector<SiteStep> steps;
  AdapterImpl* last = nullptr;  ///< closes the block; nullptr where there is no adapter

  /// Whether ops::adapter_site computes it as a whole.
  bool fits_site_op(StackRule rule) const {
    return (rule == StackRule::kAdapterHub || steps.size() < 2) &&
           std::all_of(steps.begin(), steps.end(), [](const SiteStep& step) {
             return step.kind == SiteStep::Kind::kAdapter && step.adapter->fits_site_op();
           });
  }

  std::vector<ops::SiteAdapter> weights() const {
    std::vector<ops::SiteAdapter> weights;
    for (const auto& step : steps) weights.push_back(step.adapter->weights());
    return weights;
  }
};

namespace detail {

/// Runs a plan on the rows of a site whose dropout has acted.
class SiteRun {
 public:
  SiteRun(const SiteInput& site, StackRule rule) : site_(site), rule_(rule) {}

  at::Tensor operator()(const SitePlan& plan) const {
    auto h = site_.f;  // (rows, hidden)
    bool above = false;
    for (const auto& step : plan.steps) {
      h = through(step, h, above);
      above = true;
    }
    return plan.last->close(h, site_);
  }

 private:
  AdapterImpl::Input read(const AdapterImpl& adapter, const at::Tensor& h, bool above) const {
    if (above && rule_ == StackRule::kPaper && !adapter.options.config().is_parallel)
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
        return step.exact ? exact_average(step, h, above) : average(step, h, above);
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
    return step.fusion->forward(below ? h : input.x, outputs, parallel ? site_.a : input.residual);
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

  at::Tensor exact_average(const SiteStep& step, const at::Tensor& h, bool above) const {
    at::Tensor sum;
    for (size_t i = 0; i < step.members.size(); ++i) {
      const auto part = step.weights[i] * through(step.members[i], h, above);
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }

  /// AdapterHub's: one reads for all (a stack among them reads once more), and the weighted sum is
  /// divided by the number of members.
  at::Tensor average(const SiteStep& step, const at::Tensor& h, bool above) const {
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
  StackRule rule_;
};

}  // namespace detail
}  // namespace madx

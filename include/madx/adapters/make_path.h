#pragma once

#include <torch/arg.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/bank.h"
#include "madx/adapters/composition.h"
#include "madx/adapters/path.h"

namespace madx {

/// What a plan is made with, beside its composition.
struct PlanOptions {
  /// Whether the invertible adapter of the composition's first adapter acts (MAD-X "-INV": not).
  TORCH_ARG(bool, invertible) = true;
  /// What an adapter reads that stands on another one.
  TORCH_ARG(StackRule, stack_rule) = StackRule::kAdapterHub;
  /// Layers in which no adapter acts: AdapterDrop (Rücklé et al. 2021).
  TORCH_ARG(std::vector<int64_t>, skipped_layers);
  /// By a fusion's name, the optimizer steps that it has learned for, of which its temperature is a
  /// function; 0 for one that is not here, as in AdapterHub, whose files do not hold it.
  using FusionSteps = std::map<std::string, int64_t>;
  /// Optimizer steps that a fusion has learned for, by name: its temperature depends on them.
  TORCH_ARG(FusionSteps, fusion_steps);
};

namespace detail {

/// Makes paths out of compositions of stacks, fusions and averages.
class PathMaker {
 public:
  PathMaker(const Bank& bank, const PlanOptions& options) : bank_(bank), options_(options) {}

  std::shared_ptr<const Path> operator()(const Composition& composition) const;

 private:
  SiteStep resolve(const Composition& composition, int64_t layer, Site site) const;
  SiteStep fuse(const Composition& composition, SiteStep step, int64_t layer, Site site) const;
  /// Throws InputError where members of an average end the block in different ways: there is one
  /// end.
  static void require_one_end(const Composition& average, const SiteStep& step);
  /// So that the path owns what its pointers point to.
  static void keep(const std::shared_ptr<const torch::nn::Module>& parts, Path& path);
  void keep_fusions(const Composition& composition, Path& path) const;

  static bool is_here(const SiteStep& step) { return step.kind != SiteStep::Kind::kNothing; }
  /// Whose rules a block's members read by: in AdapterHub the first one's, in a fusion the last's.
  static AdapterImpl* first(const SiteStep& step) {
    return step.kind == SiteStep::Kind::kStack ? step.members.front().adapter : step.adapter;
  }
  static AdapterImpl* last(const SiteStep& step) {
    return step.kind == SiteStep::Kind::kStack ? step.members.back().adapter : step.adapter;
  }
  /// The adapter that closes the block.
  static AdapterImpl* closing(const SiteStep& step) {
    if (step.kind == SiteStep::Kind::kAdapter || step.kind == SiteStep::Kind::kFuse)
      return step.adapter;
    for (auto member = step.members.rbegin(); member != step.members.rend(); ++member)
      if (auto* adapter = closing(*member)) return adapter;
    return nullptr;
  }

  const Bank& bank_;
  const PlanOptions& options_;
};

inline SiteStep PathMaker::resolve(const Composition& composition, int64_t layer, Site site) const {
  using Kind = Composition::Kind;
  SiteStep step;
  if (composition.kind == Kind::kName) {
    step.adapter = bank_.adapter(composition.name)->at(layer, site);
    if (step.adapter != nullptr) step.kind = SiteStep::Kind::kAdapter;
    return step;
  }
  for (const auto& child : composition.children)
    step.members.push_back(resolve(child, layer, site));
  const auto some = std::find_if(step.members.begin(), step.members.end(), is_here);
  if (some == step.members.end()) return {};
  if (composition.kind == Kind::kAverage) {
    step.kind = SiteStep::Kind::kAverage;
    step.weights = average_weights(composition);
    step.adapterhub = composition.adapterhub;
    step.adapter = first(*some);
    if (!step.adapterhub) require_one_end(composition, step);
    return step;
  }
  step.members.erase(std::remove_if(step.members.begin(), step.members.end(),
                                    [](const SiteStep& member) { return !is_here(member); }),
                     step.members.end());
  if (composition.kind == Kind::kStack) {
    step.kind = SiteStep::Kind::kStack;
    return step;
  }
  return fuse(composition, std::move(step), layer, site);
}

inline void PathMaker::require_one_end(const Composition& average, const SiteStep& step) {
  const auto same = [&](const SiteStep& left, const SiteStep& right) {
    const BottleneckConfig none;  // without an adapter, the block ends with LN(f + a)
    const auto *const one = closing(left), *const other = closing(right);
    const auto& a = one != nullptr ? one->options.config() : none;
    const auto& b = other != nullptr ? other->options.config() : none;
    return a.is_parallel == b.is_parallel && a.original_ln_after == b.original_ln_after;
  };
  for (const auto& member : step.members) {
    if (same(member, step.members.front())) continue;
    input_error("composition \"", to_string(average),
                "\": expected members that end a block in one ",
                "way, in layers that one of them leaves out, too, but found two that differ in ",
                "is_parallel or original_ln_after; adapterhub=true ends as the last member does");
  }
}

inline SiteStep PathMaker::fuse(const Composition& composition, SiteStep step, int64_t layer,
                                Site site) const {
  step.kind = SiteStep::Kind::kFuse;
  step.adapter = last(step.members.back());
  const auto name = fusion_name(composition);
  const auto steps = options_.fusion_steps().find(name);
  if (steps != options_.fusion_steps().end()) step.optimizer_steps = steps->second;
  if (bank_.fusions.count(name) == 0) {
    input_error("composition \"", to_string(composition), "\": expected a fusion \"", name,
                "\" in the bank, but found ", bank_.fusions.empty() ? "none" : "others",
                "; load it, or train one");
  }
  step.fusion = bank_.fusion(name)->at(layer, site);
  if (step.fusion == nullptr) {
    input_error("composition \"", to_string(composition), "\": expected a fusion layer at ",
                site_key(layer, site), ", where its members have adapters, but found none");
  }
  return step;
}

inline void PathMaker::keep(const std::shared_ptr<const torch::nn::Module>& parts, Path& path) {
  path.modules.push_back(parts);
  for (auto& part : parts->children()) path.modules.push_back(std::move(part));
}

inline void PathMaker::keep_fusions(const Composition& composition, Path& path) const {
  if (composition.kind == Composition::Kind::kFuse)
    keep(bank_.fusion(fusion_name(composition)).ptr(), path);
  for (const auto& child : composition.children) keep_fusions(child, path);
}

inline std::shared_ptr<const Path> PathMaker::operator()(const Composition& composition) const {
  auto path = std::make_shared<Path>();
  path->sites.resize(static_cast<size_t>(bank_.num_layers));
  if (composition.empty()) return path;
  const auto& skipped = options_.skipped_layers();
  for (int64_t layer = 0; layer < bank_.num_layers; ++layer) {
    const bool skips = std::find(skipped.begin(), skipped.end(), layer) != skipped.end();
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      auto step = resolve(composition, layer, site);
      if (!is_here(step) || skips) continue;
      auto& target = path->sites[static_cast<size_t>(layer)][static_cast<size_t>(site)];
      target.rule = options_.stack_rule();
      target.last = closing(step);
      if (step.kind == SiteStep::Kind::kStack) {
        target.steps = std::move(step.members);
      } else {
        target.steps.push_back(std::move(step));
      }
    }
  }
  if (options_.invertible())
    path->invertible = bank_.adapter(first_adapter(composition))->invertible();
  for (const auto& name : adapter_names(composition)) keep(bank_.adapter(name).ptr(), *path);
  keep_fusions(composition, *path);
  return path;
}

}  // namespace detail
}  // namespace madx

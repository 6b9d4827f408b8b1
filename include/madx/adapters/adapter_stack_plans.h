#pragma once

// How AdapterStack makes a composition ready to run, and which way each sequence of a batch goes: a
// part of adapter_stack.h.
#include <algorithm>
#include <map>

#include "madx/adapters/adapter_stack.h"
#include "madx/adapters/spread.h"

namespace madx {

inline SiteStep AdapterStackImpl::resolve(const Composition& composition, int64_t layer,
                                          Site site) const {
  using Kind = Composition::Kind;
  const auto here = [](const SiteStep& step) { return step.kind != SiteStep::Kind::kNothing; };
  SiteStep step;
  if (composition.kind == Kind::kName) {
    step.adapter = get(composition.name)->at(layer, site);
    if (step.adapter != nullptr) step.kind = SiteStep::Kind::kAdapter;
    return step;
  }
  for (const auto& child : composition.children)
    step.members.push_back(resolve(child, layer, site));
  if (std::none_of(step.members.begin(), step.members.end(), here)) return {};
  // Whose rules a block's members read by: in AdapterHub the first one's, in a fusion the last's.
  const auto first = [&](const SiteStep& member) {
    return member.kind == SiteStep::Kind::kStack ? member.members.front().adapter : member.adapter;
  };
  const auto last = [&](const SiteStep& member) {
    return member.kind == SiteStep::Kind::kStack ? member.members.back().adapter : member.adapter;
  };
  if (composition.kind == Kind::kAverage) {
    step.kind = SiteStep::Kind::kAverage;
    step.weights = average_weights(composition);
    step.exact = composition.exact;
    step.adapter = first(*std::find_if(step.members.begin(), step.members.end(), here));
    return step;
  }
  step.members.erase(std::remove_if(step.members.begin(), step.members.end(),
                                    [&](const SiteStep& member) { return !here(member); }),
                     step.members.end());
  if (composition.kind == Kind::kStack) {
    step.kind = SiteStep::Kind::kStack;
    return step;
  }
  step.kind = SiteStep::Kind::kFuse;
  step.adapter = last(step.members.back());
  const auto name = fusion_name(composition);
  if (!has_fusion(name)) {
    input_error("composition \"", to_string(composition), "\": expected a fusion \"", name,
                "\" in the bank, but found ", fusions_.empty() ? "none" : "others",
                "; load it, or train one");
  }
  step.fusion = get_fusion(name)->at(layer, site);
  if (step.fusion == nullptr) {
    input_error("composition \"", to_string(composition), "\": expected a fusion layer at ",
                detail::site_key(layer, site), ", where its members have adapters, but found none");
  }
  return step;
}

inline std::shared_ptr<const Plan> AdapterStackImpl::plan(const Composition& composition) const {
  const auto last_of = [](const auto& self, const SiteStep& step) -> AdapterImpl* {
    if (step.kind == SiteStep::Kind::kAdapter || step.kind == SiteStep::Kind::kFuse)
      return step.adapter;
    for (auto member = step.members.rbegin(); member != step.members.rend(); ++member)
      if (auto* adapter = self(self, *member)) return adapter;
    return nullptr;
  };
  auto result = std::make_shared<Plan>();
  result->sites.resize(static_cast<size_t>(num_layers_));
  if (composition.empty()) return result;
  for (int64_t layer = 0; layer < num_layers_; ++layer) {
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      auto step = resolve(composition, layer, site);
      if (step.kind == SiteStep::Kind::kNothing) continue;
      auto& target = result->sites[static_cast<size_t>(layer)][static_cast<size_t>(site)];
      target.last = last_of(last_of, step);
      if (step.kind == SiteStep::Kind::kStack) {
        target.steps = std::move(step.members);
      } else {
        target.steps.push_back(std::move(step));
      }
    }
  }
  result->invertible = get(first_adapter(composition))->invertible();
  for (const auto& name : adapter_names(composition)) result->modules.push_back(get(name).ptr());
  const auto keep_fusions = [&](const auto& self, const Composition& part) -> void {
    if (part.kind == Composition::Kind::kFuse)
      result->modules.push_back(get_fusion(fusion_name(part)).ptr());
    for (const auto& child : part.children) self(self, child);
  };
  keep_fusions(keep_fusions, composition);
  return result;
}

inline std::shared_ptr<const Activation> AdapterStackImpl::prepare(
    const Composition& composition) const {
  check_composition(composition);
  auto prepared = std::make_shared<Activation>();
  prepared->composition = composition;
  for (const auto& name : adapter_names(composition))
    if (name != kLanguage) prepared->members.push_back(get(name).ptr().get());
  for (const auto& stretches : detail::spread(composition)) {
    auto& parts = prepared->channels.emplace_back();
    for (const auto& stretch : stretches) {
      parts.push_back({stretch.sequences, stretch.composition,
                       names_language(stretch.composition) ? nullptr : plan(stretch.composition)});
    }
  }
  return prepared;
}

inline const Plan* AdapterStackImpl::only_plan() const {
  if (active_->channels.size() != 1 || active_->channels.front().size() != 1) return nullptr;
  const auto& part = active_->channels.front().front();
  return part.sequences < 0 ? part.plan.get() : nullptr;
}

inline Routing AdapterStackImpl::route(int64_t sequences,
                                       const std::vector<std::string>& languages) const {
  Routing routing;
  routing.channels = static_cast<int64_t>(active_->channels.size());
  const auto where = [&] { return "composition \"" + to_string(active_->composition) + "\""; };
  const auto add = [&](std::shared_ptr<const Plan> plan) {
    routing.plans.push_back(std::move(plan));
    return routing.plans.size() - 1;
  };
  if (wants_languages() && static_cast<int64_t>(languages.size()) != sequences) {
    input_error(where(), ": expected a language for each of ", sequences, " sequences, but found ",
                languages.size());
  }
  for (const auto& parts : active_->channels) {
    int64_t first = 0;
    for (const auto& part : parts) {
      const auto count = part.sequences < 0 ? sequences : part.sequences;
      if (first + count > sequences) break;  // reported below
      if (part.plan) {
        routing.plan_of.insert(routing.plan_of.end(), static_cast<size_t>(count), add(part.plan));
      } else {
        std::map<std::string, size_t> known;
        for (auto s = first; s < first + count; ++s) {
          const auto& language = languages[static_cast<size_t>(s)];
          auto found = known.find(language);
          if (found == known.end()) {
            const auto own = with_language(part.composition, language);
            found = known.emplace(language, add(plan(own))).first;
          }
          routing.plan_of.push_back(found->second);
        }
      }
      first += count;
    }
    int64_t wanted = 0;
    for (const auto& part : parts) wanted += part.sequences < 0 ? sequences : part.sequences;
    if (wanted != sequences) {
      input_error(where(), ": expected a batch of ", wanted,
                  " sequences by batch_sizes, but found ", sequences);
    }
  }
  if (routing.plans.empty()) add(plan(Composition()));  // no sequences: some plan for no rows
  return routing;
}

}  // namespace madx

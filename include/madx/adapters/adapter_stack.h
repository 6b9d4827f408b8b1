#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "madx/adapters/activation.h"
#include "madx/adapters/adapter_fusion.h"
#include "madx/adapters/adapter_set.h"
#include "madx/adapters/composition.h"
#include "madx/adapters/spread.h"

namespace madx {

/// The bank of named adapters beside one encoder, and the composition of them that is active.
///
/// A stack such as {"sw", "ner"} runs bottom up at every site. The first adapter's invertible
/// adapter, if it has one, acts on the embeddings and, inverted, before the output embedding.
/// Swapping a language is a change of pointers.
///
/// Example:
///   AdapterStack adapters(/*hidden_size=*/768, /*num_layers=*/12);
///   adapters->add("sw", named_config("pfeiffer"));
///   adapters->activate({"sw"});
///   adapters->activate(parse_composition("Stack(sw, Fuse(ner, pos))"));
///   adapters->activate({kLanguage, "ner"});  // with PackedBatch::languages
class AdapterStackImpl : public torch::nn::Module {
 public:
  AdapterStackImpl(int64_t hidden_size, int64_t num_layers)
      : hidden_size_(hidden_size), num_layers_(num_layers), active_(prepare(Composition())) {}

  /// Adds a freshly initialised set. Throws c10::Error when the name is taken or has a dot.
  AdapterSet add(const std::string& name, const BottleneckConfig& config) {
    return add(name, AdapterSet(AdapterSetOptions(config, hidden_size_, num_layers_)));
  }
  /// Adds a set. Throws c10::Error when the name is taken, has a dot, or the set is of another
  /// shape.
  AdapterSet add(const std::string& name, AdapterSet set);

  bool has(const std::string& name) const { return bank_.count(name) > 0; }
  /// Throws c10::Error, with the names there are, for another one.
  const AdapterSet& get(const std::string& name) const;
  std::vector<std::string> names() const;

  /// Adds a freshly initialised fusion of these adapters, which must be in the bank, with adapters
  /// at the same sites. Its name is theirs, joined by commas, or the block's own. Throws c10::Error
  /// when the name is taken.
  AdapterFusion add_fusion(const Fuse& fuse, const FusionConfig& config = {},
                           double default_dropout = 0.1);
  /// Adds a fusion. Throws c10::Error when the name is taken or it is of another shape.
  AdapterFusion add_fusion(const std::string& name, AdapterFusion fusion);
  bool has_fusion(const std::string& name) const { return fusions_.count(name) > 0; }
  /// Throws c10::Error, with the names there are, for another one.
  const AdapterFusion& get_fusion(const std::string& name) const;
  std::vector<std::string> fusion_names() const;

  /// Makes a composition ready to run. Throws c10::Error for an adapter that is not in the bank,
  /// InputError for a composition that AdapterHub's table does not allow or whose fusion is not in
  /// the bank.
  std::shared_ptr<const Activation> prepare(const Composition& composition) const;
  /// Makes this the active composition. Throws what `prepare` throws; then all stays as it was.
  void activate(const Composition& composition) { active_ = prepare(composition); }
  /// The same for one that is ready, of this bank: exchanges a pointer, allocates nothing.
  void switch_to(const std::shared_ptr<const Activation>& prepared) noexcept { active_ = prepared; }
  void deactivate() { activate({}); }

  const Composition& composition() const { return active_->composition; }
  /// The adapters of the active composition, each once, from left to right.
  const std::vector<AdapterSetImpl*>& active() const { return active_->members; }
  /// Whether batches must name their sequences' languages.
  bool wants_languages() const { return names_language(active_->composition); }

  /// Which way each of a batch's sequences goes. `languages` has one name a sequence where the
  /// composition has kLanguage, and is passed over elsewhere. Throws InputError where batch_sizes
  /// are not the batch's, or languages are missing.
  Routing route(int64_t sequences, const std::vector<std::string>& languages) const;

  /// Whether the invertible adapter of the composition's first adapter acts (the default), or is
  /// left out (MAD-X "-INV").
  void use_invertible(bool use) { use_invertible_ = use; }
  InvertibleAdapterImpl* invertible(const Plan& plan) const {
    return use_invertible_ ? plan.invertible : nullptr;
  }
  /// The invertible adapter that acts on all sequences, or nullptr.
  InvertibleAdapterImpl* invertible() const {
    const auto* plan = only_plan();
    return plan == nullptr ? nullptr : invertible(*plan);
  }

  /// What an adapter reads that stands on another one: AdapterHub's rule (the default) or the
  /// paper's.
  void use_stack_rule(StackRule rule) { stack_rule_ = rule; }

  /// Layers in which no adapter acts, whatever is active: AdapterDrop (Rücklé et al. 2021).
  void skip_layers(std::vector<int64_t> layers) { skipped_ = std::move(layers); }
  void skip_first_layers(int64_t count);
  const std::vector<int64_t>& skipped_layers() const { return skipped_; }

  /// The block's output at a site: (rows, hidden), by the plan that each group of rows takes.
  /// AdapterHub's semantics: every adapter reads its own LN(h + a), its residual is the output of
  /// the one below (f for the first), and the last one closes the block. The paper's own equation
  /// differs (docs/design.md).
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input,
                     const std::vector<RowGroup>& groups) const;
  /// The same for rows that all go the active composition's one way.
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input) const;

  int64_t hidden_size() const { return hidden_size_; }
  int64_t num_layers() const { return num_layers_; }

 private:
  /// The plan of all sequences, or nullptr where they go several ways.
  const Plan* only_plan() const;
  std::shared_ptr<const Plan> plan(const Composition& composition) const;
  SiteStep resolve(const Composition& composition, int64_t layer, Site site) const;

  int64_t hidden_size_;
  int64_t num_layers_;
  std::map<std::string, AdapterSet> bank_;
  std::map<std::string, AdapterFusion> fusions_;
  std::shared_ptr<const Activation> active_;  // never nullptr
  bool use_invertible_ = true;
  StackRule stack_rule_ = StackRule::kAdapterHub;
  std::vector<int64_t> skipped_;
};

TORCH_MODULE(AdapterStack);

inline AdapterSet AdapterStackImpl::add(const std::string& name, AdapterSet set) {
  TORCH_CHECK(!name.empty() && name.find('.') == std::string::npos,
              "AdapterStack: expected a name without dots, since it becomes part of tensor names, "
              "but got \"",
              name, "\"");
  TORCH_CHECK(name != kLanguage, "AdapterStack: expected a name other than ", kLanguage,
              ", which stands for the language of each sequence");
  TORCH_CHECK(!has(name), "AdapterStack: an adapter named \"", name,
              "\" is already there; give this one another name");
  TORCH_CHECK(
      set->options.hidden_size() == hidden_size_ && set->options.num_layers() == num_layers_,
      "AdapterStack: expected an adapter for ", num_layers_, " layers of hidden size ",
      hidden_size_, ", but \"", name, "\" is for ", set->options.num_layers(), " of ",
      set->options.hidden_size());
  register_module(name, set);
  return bank_.emplace(name, std::move(set)).first->second;
}

inline std::vector<std::string> AdapterStackImpl::names() const {
  std::vector<std::string> names;
  for (const auto& item : bank_) names.push_back(item.first);
  return names;
}

inline const AdapterSet& AdapterStackImpl::get(const std::string& name) const {
  const auto found = bank_.find(name);
  TORCH_CHECK(found != bank_.end(), "AdapterStack: no adapter named \"", name, "\"; there are ",
              names());
  return found->second;
}

inline AdapterFusion AdapterStackImpl::add_fusion(const Fuse& fuse, const FusionConfig& config,
                                                  double default_dropout) {
  AdapterFusionOptions options(config, hidden_size_, num_layers_);
  std::vector<std::string> members;
  for (const auto& child : fuse.children) members.push_back(last_adapter(child));
  TORCH_CHECK(!members.empty(), "AdapterStack: expected members of a fusion, but got none");
  const auto& first = get(members.front())->options.config();
  for (const auto& name : members) {
    const auto& other = get(name)->options.config();
    if (other.mh_adapter == first.mh_adapter && other.output_adapter == first.output_adapter)
      continue;
    input_error("fusion \"", fusion_name(fuse), "\": expected members with adapters at the same ",
                "sites, but found ", members.front(), " and ", name,
                ", which differ in mh_adapter or output_adapter");
  }
  options.members(members).default_dropout(default_dropout);
  options.mh_adapter(first.mh_adapter).output_adapter(first.output_adapter);
  return add_fusion(fusion_name(fuse), AdapterFusion(options));
}

inline AdapterFusion AdapterStackImpl::add_fusion(const std::string& name, AdapterFusion fusion) {
  TORCH_CHECK(
      !name.empty() && name.find('.') == std::string::npos,
      "AdapterStack: expected a fusion's name without dots, since it becomes part of tensor "
      "names, but got \"",
      name, "\"");
  TORCH_CHECK(!has_fusion(name), "AdapterStack: a fusion named \"", name,
              "\" is already there; give this one another name");
  TORCH_CHECK(
      fusion->options.hidden_size() == hidden_size_ && fusion->options.num_layers() == num_layers_,
      "AdapterStack: expected a fusion for ", num_layers_, " layers of hidden size ", hidden_size_,
      ", but \"", name, "\" is for ", fusion->options.num_layers(), " of ",
      fusion->options.hidden_size());
  register_module("fusion " + name, fusion);
  return fusions_.emplace(name, std::move(fusion)).first->second;
}

inline std::vector<std::string> AdapterStackImpl::fusion_names() const {
  std::vector<std::string> names;
  for (const auto& item : fusions_) names.push_back(item.first);
  return names;
}

inline const AdapterFusion& AdapterStackImpl::get_fusion(const std::string& name) const {
  const auto found = fusions_.find(name);
  TORCH_CHECK(found != fusions_.end(), "AdapterStack: no fusion named \"", name, "\"; there are ",
              fusion_names());
  return found->second;
}

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

inline void AdapterStackImpl::skip_first_layers(int64_t count) {
  TORCH_CHECK(count >= 0 && count <= num_layers_, "AdapterStack: expected 0 to ", num_layers_,
              " layers to skip, but got ", count);
  skipped_.resize(static_cast<size_t>(count));
  for (int64_t layer = 0; layer < count; ++layer) skipped_[static_cast<size_t>(layer)] = layer;
}

inline at::Tensor AdapterStackImpl::forward(int64_t layer, Site site, const SiteInput& input,
                                            const std::vector<RowGroup>& groups) const {
  static const SitePlan kNone;
  const bool skipped = std::find(skipped_.begin(), skipped_.end(), layer) != skipped_.end();
  const auto plan_of = [&](const RowGroup& group) -> const SitePlan& {
    return skipped ? kNone : group.plan->at(layer, site);
  };
  const auto fits = [&](const RowGroup& group) { return plan_of(group).fits_site_op(stack_rule_); };
  if (std::all_of(groups.begin(), groups.end(), fits)) {
    std::vector<ops::SiteGroup> stacks;
    for (const auto& group : groups) stacks.push_back({group.rows, plan_of(group).weights()});
    return ops::adapter_site_by_group(input.f, input.a, input.norm, input.dropout, stacks);
  }
  const auto f = input.dropout > 0 ? at::dropout(input.f, input.dropout, /*train=*/true) : input.f;
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (const auto& group : groups) {
    const SiteInput rows{f.narrow(0, first, group.rows), input.a.narrow(0, first, group.rows),
                         input.norm, /*dropout=*/0,
                         group.sequences.back() == group.rows ? &group.sequences : nullptr};
    const auto& plan = plan_of(group);
    outputs.push_back(fits(group) ? ops::adapter_site(rows.f, rows.a, rows.norm, 0, plan.weights())
                                  : detail::SiteRun(rows, stack_rule_)(plan));
    first += group.rows;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

inline at::Tensor AdapterStackImpl::forward(int64_t layer, Site site,
                                            const SiteInput& input) const {
  const auto* plan = only_plan();
  TORCH_CHECK(plan != nullptr, "AdapterStack: expected groups of rows for ",
              to_string(active_->composition), ", which sends sequences several ways");
  RowGroup group{std::shared_ptr<const Plan>(active_, plan), input.f.size(0), {0}};
  if (input.sequences != nullptr) group.sequences = *input.sequences;
  return forward(layer, site, input, {group});
}

}  // namespace madx

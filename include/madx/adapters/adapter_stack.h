#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "madx/adapters/activation.h"
#include "madx/adapters/adapter_fusion.h"
#include "madx/adapters/adapter_set.h"
#include "madx/adapters/composition.h"
#include "madx/adapters/site_rules.h"

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
  /// Adds a set, which moves to the device and type that `to` gave the bank, or else to those of
  /// what is in it. Throws c10::Error when the name is taken, has a dot, or the set is of another
  /// shape.
  AdapterSet add(const std::string& name, AdapterSet set);

  /// Moves all that is here, and what will be added.
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override {
    device_ = device;
    dtype_ = dtype;
    Module::to(device, dtype, non_blocking);
  }
  void to(torch::Dtype dtype, bool non_blocking = false) override {
    dtype_ = dtype;
    Module::to(dtype, non_blocking);
  }
  void to(torch::Device device, bool non_blocking = false) override {
    device_ = device;
    Module::to(device, non_blocking);
  }

  bool has(const std::string& name) const { return bank_.count(name) > 0; }
  /// Throws c10::Error, with the names there are, for another one.
  const AdapterSet& get(const std::string& name) const;
  std::vector<std::string> names() const;

  /// Adds a freshly initialised fusion of these adapters, which must be in the bank, with adapters
  /// at the same sites. Its name is theirs, joined by commas, or the block's own. Throws c10::Error
  /// when the name is taken.
  AdapterFusion add_fusion(const Fuse& fuse, const FusionConfig& config = {},
                           double default_dropout = 0.1);
  /// Adds a fusion, as `add` adds a set. Throws c10::Error when the name is taken or it is of
  /// another shape.
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
  void use_stack_rule(StackRule rule) { rules_.stack = rule; }

  /// Layers in which no adapter acts, whatever is active: AdapterDrop (Rücklé et al. 2021).
  void skip_layers(std::vector<int64_t> layers) { rules_.skipped = std::move(layers); }
  void skip_first_layers(int64_t count);
  const std::vector<int64_t>& skipped_layers() const { return rules_.skipped; }
  /// Both of these.
  const SiteRules& rules() const { return rules_; }

  /// SiteRules::forward under these rules.
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input,
                     const std::vector<RowGroup>& groups) const {
    return rules_.forward(layer, site, input, groups);
  }
  /// The same for rows that all go the active composition's one way.
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input) const;

  int64_t hidden_size() const { return hidden_size_; }
  int64_t num_layers() const { return num_layers_; }

 private:
  /// The plan of all sequences, or nullptr where they go several ways.
  const Plan* only_plan() const;
  std::shared_ptr<const Plan> plan(const Composition& composition) const;
  SiteStep resolve(const Composition& composition, int64_t layer, Site site) const;
  /// Moves what is new to where the bank is.
  void place(torch::nn::Module& fresh) const;

  int64_t hidden_size_;
  int64_t num_layers_;
  std::map<std::string, AdapterSet> bank_;
  std::map<std::string, AdapterFusion> fusions_;
  std::shared_ptr<const Activation> active_;  // never nullptr
  bool use_invertible_ = true;
  std::optional<torch::Device> device_;  // what `to` was called with last
  std::optional<torch::Dtype> dtype_;
  SiteRules rules_;
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
  place(*set);
  register_module(name, set);
  return bank_.emplace(name, std::move(set)).first->second;
}

inline void AdapterStackImpl::place(torch::nn::Module& fresh) const {
  const auto weights = parameters();
  const auto device = device_ || weights.empty() ? device_ : weights.front().device();
  const auto dtype = dtype_ || weights.empty() ? dtype_ : weights.front().scalar_type();
  if (device) fresh.to(*device);
  if (dtype) fresh.to(*dtype);
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
  place(*fusion);
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

inline void AdapterStackImpl::skip_first_layers(int64_t count) {
  TORCH_CHECK(count >= 0 && count <= num_layers_, "AdapterStack: expected 0 to ", num_layers_,
              " layers to skip, but got ", count);
  rules_.skipped.resize(static_cast<size_t>(count));
  std::iota(rules_.skipped.begin(), rules_.skipped.end(), int64_t{0});
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

#include "madx/adapters/adapter_stack_plans.h"

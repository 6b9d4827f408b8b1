#pragma once

#include <torch/nn/module.h>
#include <torch/serialize/archive.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "madx/adapters/adapter_fusion.h"
#include "madx/adapters/adapter_set.h"
#include "madx/adapters/plan.h"
#include "madx/adapters/site_forward.h"

namespace madx {

/// The bank of named adapters beside one encoder, and the composition of them that is active.
///
/// A stack such as {"sw", "ner"} runs bottom up at every site. The first adapter's invertible
/// adapter, if it has one, acts on the embeddings and, inverted, before the output embedding.
/// Swapping a language is a change of pointers.
///
/// \snippet adapters_test.cpp bank
///
/// Plans are for many threads at once; the bank itself, what is active in it too, is for one at a
/// time.
class AdapterStackImpl : public torch::nn::Module {
 public:
  /// An empty bank for an encoder of this shape.
  AdapterStackImpl(int64_t hidden_size, int64_t num_layers)
      : bank_{hidden_size, num_layers}, active_(std::make_shared<const Plan>(bank_)) {}

  /// Adds a freshly initialised set. Throws c10::Error when the name is taken or has a dot.
  AdapterSet add(const std::string& name, const BottleneckConfig& config) {
    return add(name, AdapterSet(AdapterSetOptions(config, hidden_size(), num_layers())));
  }
  /// Adds a set, which moves to the device and type that `to` gave the bank, or else to those of
  /// what is in it, and trains or not as the bank does. Throws c10::Error when the name is taken,
  /// has a dot, or the set is of another shape.
  AdapterSet add(const std::string& name, AdapterSet set);
  /// Takes a set out. Plans that have it keep it. Throws c10::Error, with the names there are, for
  /// one that is not here, and for one that is active.
  void remove(const std::string& name);

  /// Whether a set has this name.
  bool has(const std::string& name) const { return bank_.adapters.count(name) > 0; }
  /// Throws c10::Error, with the names there are, for another one.
  const AdapterSet& get(const std::string& name) const { return bank_.adapter(name); }
  /// Of all sets, sorted.
  std::vector<std::string> names() const { return Bank::names(bank_.adapters); }

  /// Adds a freshly initialised fusion of these adapters, which must be in the bank, under their
  /// names joined by commas, or the block's own. Throws c10::Error when the name is taken,
  /// InputError for members with adapters at other sites than the first one's.
  AdapterFusion add_fusion(const Fuse& fuse, const FusionConfig& config = {},
                           double default_dropout = 0.1);
  /// Adds a fusion, as `add` adds a set. Throws c10::Error when the name is taken or it is of
  /// another shape.
  AdapterFusion add_fusion(const std::string& name, AdapterFusion fusion);
  /// Takes a fusion out, as `remove` takes a set.
  void remove_fusion(const std::string& name);
  /// Whether a fusion has this name.
  bool has_fusion(const std::string& name) const { return bank_.fusions.count(name) > 0; }
  /// Throws c10::Error, with the names there are, for another one.
  const AdapterFusion& get_fusion(const std::string& name) const { return bank_.fusion(name); }
  /// Of all fusions, sorted.
  std::vector<std::string> fusion_names() const { return Bank::names(bank_.fusions); }

  /// Makes one set learn, and freezes all else in the bank, as AdapterHub's train_adapter does.
  /// Throws c10::Error for a name that is not here.
  void train_adapter(const std::string& name);
  /// The same for a fusion.
  void train_fusion(const std::string& name);
  /// Makes nothing in the bank learn.
  void freeze() {
    for (auto& weight : parameters()) weight.requires_grad_(false);
  }

  /// Makes a composition ready to run, for any number of threads. Throws what Plan throws.
  std::shared_ptr<const Plan> plan(const Composition& composition,
                                   const PlanOptions& options = {}) const {
    return std::make_shared<const Plan>(bank_, composition, options);
  }

  /// Makes this the active composition, with the options in force. Throws what `plan` throws; then
  /// all stays as it was.
  void activate(const Composition& composition) { active_ = plan(composition, active_->options()); }
  /// The same for one that is ready, of this bank, and its options: exchanges a pointer, allocates
  /// nothing.
  void activate_plan(const std::shared_ptr<const Plan>& plan) noexcept { active_ = plan; }
  /// The encoder alone.
  void deactivate() { activate({}); }

  /// The plan that is active: never nullptr. What follows is of that plan.
  const std::shared_ptr<const Plan>& active_plan() const { return active_; }
  /// The bank where a plan is asked for: what is active in it.
  operator const Plan&() const { return *active_; }  // NOLINT(google-explicit-constructor)
  /// As it was activated.
  const Composition& composition() const { return active_->composition(); }
  /// Whether batches must name their sequences' languages.
  bool wants_languages() const { return active_->wants_languages(); }
  /// The adapters of the active composition, each once, from left to right.
  const std::vector<AdapterSetImpl*>& active() const { return active_->members(); }
  /// The invertible adapter that acts on all sequences, or nullptr.
  InvertibleAdapterImpl* invertible() const { return active_->invertible(); }

  /// Options of the active plan, and of those that `activate` makes.
  const PlanOptions& options() const { return active_->options(); }
  /// The active composition by other options.
  void use(const PlanOptions& options) { active_ = plan(composition(), options); }
  /// With the invertible adapter of what is active, or without (MAD-X "-INV").
  void use_invertible(bool use_) { use(PlanOptions(options()).invertible(use_)); }
  /// Stacks by AdapterHub's rule or the paper's.
  void use_stack_rule(StackRule rule) { use(PlanOptions(options()).stack_rule(rule)); }
  /// No adapter acts in these layers.
  void skip_layers(const std::vector<int64_t>& layers) {
    use(PlanOptions(options()).skipped_layers(layers));
  }
  /// No adapter acts in the first `count` layers (AdapterDrop).
  void skip_first_layers(int64_t count);

  /// site_forward for rows that all go the active composition's one way.
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input) const;

  /// A bank of copies, with the same composition active.
  std::shared_ptr<torch::nn::Module> clone(
      const std::optional<torch::Device>& device = std::nullopt) const override;
  /// Moves all that is here, and what will be added: to a device, to a type, or to both.
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override {
    device_ = device;
    dtype_ = dtype;
    Module::to(device, dtype, non_blocking);
  }
  /// The same, to a type.
  void to(torch::Dtype dtype, bool non_blocking = false) override {
    dtype_ = dtype;
    Module::to(dtype, non_blocking);
  }
  /// The same, to a device.
  void to(torch::Device device, bool non_blocking = false) override {
    device_ = device;
    Module::to(device, non_blocking);
  }
  /// With every set's and fusion's configuration, and what is active: torch::load makes the same
  /// bank of an empty one of this shape.
  void save(torch::serialize::OutputArchive& archive) const override;
  /// Takes all adapters, fusions and what is active from the archive; stays empty where it throws.
  void load(torch::serialize::InputArchive& archive) override;

  int64_t hidden_size() const { return bank_.hidden_size; }  ///< of the encoder
  int64_t num_layers() const { return bank_.num_layers; }    ///< of the encoder

 private:
  void load_parts(torch::serialize::InputArchive& archive, const std::vector<std::string>& sets,
                  const std::vector<std::string>& fusions);
  /// For a module around this one that is cloned.
  void clone_(torch::nn::Module& other, const std::optional<torch::Device>& device) override;
  /// Moves what is new to where the bank is, and to its mode.
  void place(torch::nn::Module& fresh) const;
  /// So that the languages of batches are those that are here now.
  void renew() {
    if (wants_languages()) use(options());
  }
  static std::string fusion_key(const std::string& name) { return "fusion " + name; }

  Bank bank_;
  std::shared_ptr<const Plan> active_;   // never nullptr
  std::optional<torch::Device> device_;  // what `to` was called with last
  std::optional<torch::Dtype> dtype_;
};

TORCH_MODULE(AdapterStack);

inline AdapterSet AdapterStackImpl::add(const std::string& name, AdapterSet set) {
  TORCH_CHECK(name != kLanguage, "AdapterStack: expected a name other than ", kLanguage,
              ", which stands for the language of each sequence");
  bank_.check_new("an adapter", name, bank_.adapters, set->options);
  place(*set);
  register_module(name, set);
  bank_.adapters.emplace(name, set);
  renew();
  return set;
}

inline void AdapterStackImpl::place(torch::nn::Module& fresh) const {
  const auto weights = parameters();
  const auto device = device_ || weights.empty() ? device_ : weights.front().device();
  const auto dtype = dtype_ || weights.empty() ? dtype_ : weights.front().scalar_type();
  if (device) fresh.to(*device);
  if (dtype) fresh.to(*dtype);
  fresh.train(is_training());
}

inline AdapterFusion AdapterStackImpl::add_fusion(const Fuse& fuse, const FusionConfig& config,
                                                  double default_dropout) {
  AdapterFusionOptions options(config, hidden_size(), num_layers());
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
  bank_.check_new("a fusion", name, bank_.fusions, fusion->options);
  place(*fusion);
  register_module(fusion_key(name), fusion);
  bank_.fusions.emplace(name, fusion);
  renew();
  return fusion;
}

inline void AdapterStackImpl::skip_first_layers(int64_t count) {
  TORCH_CHECK(count >= 0 && count <= num_layers(), "AdapterStack: expected 0 to ", num_layers(),
              " layers to skip, but got ", count);
  std::vector<int64_t> layers(static_cast<size_t>(count));
  std::iota(layers.begin(), layers.end(), int64_t{0});
  skip_layers(layers);
}

inline void AdapterStackImpl::remove(const std::string& name) {
  const auto* const set = get(name).get();
  TORCH_CHECK(std::count(active().begin(), active().end(), set) == 0, "AdapterStack: adapter \"",
              name, "\" is active; activate another composition before it is removed");
  unregister_module(name);
  bank_.adapters.erase(name);
  renew();
}

inline void AdapterStackImpl::remove_fusion(const std::string& name) {
  get_fusion(name);  // refuses one that is not here
  TORCH_CHECK(!names_fusion(composition(), name), "AdapterStack: fusion \"", name,
              "\" is active; activate another composition before it is removed");
  unregister_module(fusion_key(name));
  bank_.fusions.erase(name);
  renew();
}

inline void AdapterStackImpl::train_adapter(const std::string& name) {
  const auto& set = get(name);
  freeze();
  for (auto& weight : set->parameters()) weight.requires_grad_(true);
}

inline void AdapterStackImpl::train_fusion(const std::string& name) {
  const auto& fusion = get_fusion(name);
  freeze();
  for (auto& weight : fusion->parameters()) weight.requires_grad_(true);
}

inline at::Tensor AdapterStackImpl::forward(int64_t layer, Site site,
                                            const SiteInput& input) const {
  const auto path = active_->only_path();
  TORCH_CHECK(path != nullptr, "AdapterStack: expected groups of rows for ",
              to_string(composition()), ", which sends sequences several ways");
  RowGroup group{path, input.f.size(0), {0}};
  if (input.sequences != nullptr) group.sequences = *input.sequences;
  return site_forward(layer, site, input, {group});
}

inline std::shared_ptr<torch::nn::Module> AdapterStackImpl::clone(
    const std::optional<torch::Device>& device) const {
  auto copy = std::make_shared<AdapterStackImpl>(hidden_size(), num_layers());
  for (const auto& [name, set] : bank_.adapters)
    copy->add(name, AdapterSet(std::dynamic_pointer_cast<AdapterSetImpl>(set->clone(device))));
  for (const auto& [name, fusion] : bank_.fusions) {
    copy->add_fusion(
        name, AdapterFusion(std::dynamic_pointer_cast<AdapterFusionImpl>(fusion->clone(device))));
  }
  copy->device_ = device ? device : device_;
  copy->dtype_ = dtype_;
  copy->active_ = copy->plan(composition(), options());
  copy->train(is_training());
  return copy;
}

inline void AdapterStackImpl::clone_(torch::nn::Module& other,
                                     const std::optional<torch::Device>& device) {
  const auto copy = std::dynamic_pointer_cast<AdapterStackImpl>(other.clone(device));
  TORCH_CHECK(copy != nullptr, "AdapterStack: expected another AdapterStack to be a copy of");
  *this = *copy;
}

}  // namespace madx

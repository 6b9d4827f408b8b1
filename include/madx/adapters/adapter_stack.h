#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "madx/adapters/adapter_set.h"

namespace madx {

/// The bank of named adapters beside one encoder, and the stack of them that is active.
///
/// A stack such as {"sw", "ner"} runs bottom up at every site. Its first member's invertible
/// adapter, if it has one, acts on the embeddings and, inverted, before the output embedding.
/// Swapping a language is a change of pointers.
///
/// Example:
///   AdapterStack adapters(/*hidden_size=*/768, /*num_layers=*/12);
///   adapters->add("sw", named_config("pfeiffer"));
///   adapters->activate({"sw"});
class AdapterStackImpl : public torch::nn::Module {
 public:
  AdapterStackImpl(int64_t hidden_size, int64_t num_layers)
      : hidden_size_(hidden_size), num_layers_(num_layers) {}

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

  /// Makes these adapters the active stack, bottom first. Throws c10::Error for a name that is not
  /// in the bank.
  void activate(const std::vector<std::string>& names);
  void deactivate() { active_.clear(); }
  const std::vector<AdapterSetImpl*>& active() const { return active_; }

  /// Whether the invertible adapter of the stack's first member acts (the default), or is left out
  /// (MAD-X "-INV").
  void use_invertible(bool use) { use_invertible_ = use; }
  /// The invertible adapter that acts, or nullptr.
  InvertibleAdapterImpl* invertible() const {
    return use_invertible_ && !active_.empty() ? active_.front()->invertible() : nullptr;
  }

  /// The block's output at a site under the active stack: (rows, hidden).
  /// AdapterHub's semantics: every adapter reads its own LN(h + a), its residual is the output of
  /// the one below (f for the first), and the last one closes the block. The paper's own equation
  /// differs (docs/design.md).
  at::Tensor forward(int64_t layer, Site site, const SiteInput& input) const;

  int64_t hidden_size() const { return hidden_size_; }
  int64_t num_layers() const { return num_layers_; }

 private:
  int64_t hidden_size_;
  int64_t num_layers_;
  std::map<std::string, AdapterSet> bank_;
  std::vector<AdapterSetImpl*> active_;  // bottom first; owned by bank_
  bool use_invertible_ = true;
};

TORCH_MODULE(AdapterStack);

inline AdapterSet AdapterStackImpl::add(const std::string& name, AdapterSet set) {
  TORCH_CHECK(!name.empty() && name.find('.') == std::string::npos,
              "AdapterStack: expected a name without dots, since it becomes part of tensor names, "
              "but got \"",
              name, "\"");
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

inline void AdapterStackImpl::activate(const std::vector<std::string>& names) {
  std::vector<AdapterSetImpl*> active;
  for (const auto& name : names) active.push_back(get(name).ptr().get());
  active_ = std::move(active);
}

inline at::Tensor AdapterStackImpl::forward(int64_t layer, Site site,
                                            const SiteInput& input) const {
  std::vector<AdapterImpl*> adapters;
  for (const auto* set : active_)
    if (auto* adapter = set->at(layer, site)) adapters.push_back(adapter);
  if (std::all_of(adapters.begin(), adapters.end(),
                  [](const auto* adapter) { return adapter->fits_site_op(); })) {
    std::vector<ops::SiteAdapter> weights;
    for (const auto* adapter : adapters) weights.push_back(adapter->weights());
    return ops::adapter_site(input.f, input.a, input.norm, input.dropout, weights);
  }
  auto site_input = input;
  if (input.dropout > 0) site_input.f = at::dropout(input.f, input.dropout, /*train=*/true);
  auto h = site_input.f;  // (rows, hidden)
  for (auto* adapter : adapters) h = adapter->forward(adapter->read(h, site_input));
  return adapters.back()->close(h, site_input);
}

}  // namespace madx

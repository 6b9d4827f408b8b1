#pragma once

#include <torch/nn/module.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/adapter.h"
#include "madx/adapters/invertible_adapter.h"

namespace madx {

/// A place in a layer where an adapter sits.
enum class Site {
  kAttentionOutput,  ///< after attention, before the block's LayerNorm
  kOutput,           ///< after the feed-forward block, before its LayerNorm
};

/// Options for `AdapterSet`: the encoder's shape beside the configuration.
struct AdapterSetOptions {
  /// The configuration, and the encoder's shape.
  AdapterSetOptions(BottleneckConfig config, int64_t hidden_size, int64_t num_layers)
      : config_(std::move(config)), hidden_size_(hidden_size), num_layers_(num_layers) {}
  TORCH_ARG(BottleneckConfig, config);  ///< which sites, sizes and rules
  TORCH_ARG(int64_t, hidden_size);      ///< of the encoder
  TORCH_ARG(int64_t, num_layers);       ///< of the encoder
};

/// A language adapter or a task adapter: one adapter a site over all layers, and for a language its
/// invertible adapter.
class AdapterSetImpl : public torch::nn::Cloneable<AdapterSetImpl> {
 public:
  /// Throws InputError where the configuration asks for what is not computed here.
  explicit AdapterSetImpl(AdapterSetOptions options_) : options(std::move(options_)) { reset(); }

  /// Makes an adapter anew at every site, and the invertible one, initialised.
  void reset() override;
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override;

  /// The adapter at a site, or nullptr where the configuration leaves it out. `layer` is in
  /// [0, num_layers), unchecked: it is asked for at every site of every batch.
  AdapterImpl* at(int64_t layer, Site site) const {
    return adapters_[static_cast<size_t>(layer)][static_cast<size_t>(site)].get();
  }
  /// The invertible adapter, or nullptr.
  InvertibleAdapterImpl* invertible() const { return invertible_.get(); }

  /// Every tensor with its key in an AdapterDirectory (io/adapterhub.h), in AdapterHub's order.
  std::vector<std::pair<std::string, torch::Tensor>> named_tensors() const;

  /// With configuration: torch::load makes the same of any set of this shape.
  void save(torch::serialize::OutputArchive& archive) const override;
  /// Takes configuration and weights from the archive, and makes adapters of that configuration.
  void load(torch::serialize::InputArchive& archive) override;

  AdapterSetOptions options;  ///< as it was made or loaded

 private:
  std::vector<std::array<std::shared_ptr<AdapterImpl>, 2>> adapters_;  // by layer and site
  std::shared_ptr<InvertibleAdapterImpl> invertible_;
};

TORCH_MODULE(AdapterSet);

namespace detail {

/// AdapterHub's path of a site's adapter in a layer.
inline std::string site_key(int64_t layer, Site site) {
  return "encoder.layer." + std::to_string(layer) +
         (site == Site::kAttentionOutput ? ".attention.output" : ".output");
}

/// Rules between keys of a configuration; one rule an `if`.
inline void validate_adapter_config(const BottleneckConfig& config) {
  if (config.cross_adapter) {
    input_error("cross_adapter: expected false, but found true; an encoder has no cross-attention");
  }
  if (!(config.dropout >= 0 && config.dropout <= 1)) {
    input_error("dropout: expected a probability from 0 to 1, but found ", config.dropout);
  }
  if (!(config.stochastic_depth >= 0 && config.stochastic_depth <= 1)) {
    input_error("stochastic_depth: expected a probability from 0 to 1, but found ",
                config.stochastic_depth);
  }
  if (config.inv_adapter_reduction_factor <= 0) {
    input_error("inv_adapter_reduction_factor: expected a number above 0, but found ",
                config.inv_adapter_reduction_factor);
  }
  if (config.residual_before_ln == ResidualSource::kPostAdd && !config.original_ln_before) {
    input_error(
        "residual_before_ln: expected true or false where original_ln_before is false, "
        "but found \"post_add\"");
  }
  if (config.has_invertible() && config.inv_adapter != "nice") {
    input_error("inv_adapter: expected \"nice\", but found \"", config.inv_adapter, "\"",
                config.inv_adapter == "glow"
                    ? "; AdapterHub's own GLOW does not run, so there are no weights for it"
                    : "");
  }
}

}  // namespace detail

inline void AdapterSetImpl::reset() {
  const auto& config = options.config();
  detail::validate_adapter_config(config);
  adapters_.assign(static_cast<size_t>(options.num_layers()), {});
  for (int64_t layer = 0; layer < options.num_layers(); ++layer) {
    if (config.leaves_out(layer)) continue;
    const auto bottleneck = config.bottleneck_size(options.hidden_size(), layer);
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      if (!(site == Site::kAttentionOutput ? config.mh_adapter : config.output_adapter)) continue;
      auto adapter = std::make_shared<AdapterImpl>(
          AdapterOptions(options.hidden_size(), bottleneck).config(config));
      const auto name = "layer" + std::to_string(layer) +
                        (site == Site::kAttentionOutput ? "_attention_output" : "_output");
      adapters_[static_cast<size_t>(layer)][static_cast<size_t>(site)] =
          register_module(name, adapter);
    }
  }
  invertible_.reset();
  if (config.has_invertible()) {
    invertible_ =
        register_module("invertible", std::make_shared<InvertibleAdapterImpl>(
                                          InvertibleAdapterOptions(options.hidden_size())
                                              .reduction_factor(config.inv_adapter_reduction_factor)
                                              .non_linearity(config.non_linearity)));
  }
}

inline void AdapterSetImpl::pretty_print(std::ostream& stream) const {
  stream << "madx::AdapterSet(hidden_size=" << options.hidden_size()
         << ", num_layers=" << options.num_layers()
         << ", reduction_factor=" << options.config().reduction_factor
         << ", invertible=" << (invertible_ ? "nice" : "none") << ")";
}

inline std::vector<std::pair<std::string, torch::Tensor>> AdapterSetImpl::named_tensors() const {
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
  const auto append = [&](const std::string& prefix, const torch::nn::Module& module) {
    for (const auto& item : module.named_parameters()) {
      tensors.emplace_back(prefix + "." + item.key(), item.value());
    }
  };
  for (int64_t layer = 0; layer < options.num_layers(); ++layer) {
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      if (const auto* adapter = at(layer, site)) append(detail::site_key(layer, site), *adapter);
    }
  }
  if (invertible_) append("invertible", *invertible_);
  return tensors;
}

}  // namespace madx

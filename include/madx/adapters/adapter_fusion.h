#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/adapter_set.h"
#include "madx/adapters/fusion_layer.h"

namespace madx {

/// Options for `AdapterFusion`: the encoder's shape, and where its members have adapters.
struct AdapterFusionOptions {
  /// The configuration, and the encoder's shape.
  AdapterFusionOptions(FusionConfig config, int64_t hidden_size, int64_t num_layers)
      : config_(std::move(config)), hidden_size_(hidden_size), num_layers_(num_layers) {}
  TORCH_ARG(FusionConfig, config);  ///< of every layer
  TORCH_ARG(int64_t, hidden_size);  ///< of the encoder
  TORCH_ARG(int64_t, num_layers);   ///< of the encoder
  /// The adapters that are fused, as in the fusion's name.
  TORCH_ARG(std::vector<std::string>, members);
  TORCH_ARG(bool, mh_adapter) = false;     ///< a layer after attention, too
  TORCH_ARG(bool, output_adapter) = true;  ///< a layer after the feed-forward block
  /// Of the scores, where the configuration names none: the encoder's attention dropout.
  TORCH_ARG(double, default_dropout) = 0.1;
};

/// AdapterFusion over all layers: one `FusionLayer` at every site where its members have adapters.
class AdapterFusionImpl : public torch::nn::Cloneable<AdapterFusionImpl> {
 public:
  /// By options.
  explicit AdapterFusionImpl(AdapterFusionOptions options_) : options(std::move(options_)) {
    reset();
  }

  /// Makes a layer anew at every site, initialised.
  void reset() override;
  /// One line, as in the printed form of any module.
  void pretty_print(std::ostream& stream) const override;

  /// The layer at a site, or nullptr.
  FusionLayerImpl* at(int64_t layer, Site site) const {
    return layers_[static_cast<size_t>(layer)][static_cast<size_t>(site)].get();
  }

  /// Every tensor with its key: `encoder.layer.0.output.query.weight`, in AdapterHub's order.
  std::vector<std::pair<std::string, torch::Tensor>> named_tensors() const;

  /// The sum over all layers, to add to a training loss; undefined where there is none.
  at::Tensor regularization_loss() const;

  /// With configuration: torch::load makes the same of any fusion of this shape.
  void save(torch::serialize::OutputArchive& archive) const override;
  /// Takes configuration and weights from the archive, and makes layers of that configuration.
  void load(torch::serialize::InputArchive& archive) override;

  AdapterFusionOptions options;  ///< as it was made or loaded

 private:
  std::vector<std::array<std::shared_ptr<FusionLayerImpl>, 2>> layers_;  // by layer and site
};

TORCH_MODULE(AdapterFusion);

inline void AdapterFusionImpl::reset() {
  layers_.assign(static_cast<size_t>(options.num_layers()), {});
  const auto dropout = options.config().dropout_prob.value_or(options.default_dropout());
  for (int64_t layer = 0; layer < options.num_layers(); ++layer) {
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      const bool attention = site == Site::kAttentionOutput;
      if (!(attention ? options.mh_adapter() : options.output_adapter())) continue;
      const auto name =
          "layer" + std::to_string(layer) + (attention ? "_attention_output" : "_output");
      layers_[static_cast<size_t>(layer)][static_cast<size_t>(site)] = register_module(
          name,
          std::make_shared<FusionLayerImpl>(
              FusionLayerOptions(options.hidden_size()).config(options.config()).dropout(dropout)));
    }
  }
}

inline void AdapterFusionImpl::pretty_print(std::ostream& stream) const {
  stream << "madx::AdapterFusion(hidden_size=" << options.hidden_size()
         << ", num_layers=" << options.num_layers() << ", members=" << options.members() << ")";
}

inline std::vector<std::pair<std::string, torch::Tensor>> AdapterFusionImpl::named_tensors() const {
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
  for (int64_t layer = 0; layer < options.num_layers(); ++layer) {
    for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
      const auto* module = at(layer, site);
      if (module == nullptr) continue;
      for (const auto& item : module->named_parameters())
        tensors.emplace_back(detail::site_key(layer, site) + "." + item.key(), item.value());
    }
  }
  return tensors;
}

inline at::Tensor AdapterFusionImpl::regularization_loss() const {
  at::Tensor sum;
  for (const auto& sites : layers_) {
    for (const auto& module : sites) {
      const auto loss = module ? module->regularization_loss() : at::Tensor();
      if (loss.defined()) sum = sum.defined() ? sum + loss : loss;
    }
  }
  return sum;
}

}  // namespace madx

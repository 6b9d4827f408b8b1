#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "madx/io/tensor_map.h"
#include "madx/models/encoder_layer.h"
#include "madx/models/recomputed.h"
#include "madx/models/routed_batch.h"

namespace madx {

/// A pretrained XLM-R or BERT encoder, frozen: no parameter takes a gradient, `train()` switches
/// its dropout alone. Runs packed rows (no padding) with adapters at two sites a layer. Made by
/// io::load_encoder.
class EncoderImpl : public torch::nn::Module {
 public:
  /// `weights` by Hugging Face's names without the model's prefix
  /// (`embeddings.word_embeddings.weight`, ...): taken without a copy, but for query, key and
  /// value, which are packed into one tensor. Throws InputError naming key, expected and found when
  /// one is missing or of another shape.
  EncoderImpl(EncoderConfig config, const io::TensorMap& weights, const std::string& where);

  /// Last hidden states under the composition that is active: (rows, hidden), or (read, hidden)
  /// where `batch.read_rows` is set, in the batch's order; under a parallel block that many for
  /// each of its members, one after the other. Throws c10::Error when a sequence is longer than the
  /// position table.
  at::Tensor forward(const PackedBatch& batch, const AdapterStackImpl& adapters) const;

  /// The same without adapters.
  at::Tensor forward(const PackedBatch& batch) const {
    return forward(batch, AdapterStackImpl(config_.hidden_size, config_.num_hidden_layers));
  }

  /// Embeddings before the first layer, invertible adapters applied: (rows, hidden), of each
  /// channel where there are several.
  at::Tensor embed(const PackedBatch& batch, const AdapterStackImpl& adapters) const {
    auto all = batch;
    all.read_rows = at::Tensor();
    const auto routed = route(all, adapters);
    return routed.restore(embed(routed, adapters));
  }

  /// Makes every weight trainable: full fine-tuning, the baseline that adapters are compared with.
  void unfreeze() {
    for (auto& weight : parameters()) weight.requires_grad_(true);
  }

  /// Whether `train()` switches the encoder's own dropout on (the default).
  void use_dropout(bool use) { use_dropout_ = use; }
  void train(bool on = true) override { Module::train(on && use_dropout_); }

  /// Whether the backward pass computes each layer anew from its input, instead of keeping what is
  /// inside: less memory for a third more time. The stack that `forward` was given must live, and
  /// stay as it is, until backward() is done.
  void use_gradient_checkpointing(bool use) { use_checkpointing_ = use; }

  /// Every weight by Hugging Face's name without the model's prefix, query, key and value apart
  /// (views of the packed one).
  io::TensorMap named_weights() const;

  const EncoderConfig& config() const { return config_; }
  /// The input embedding, which is also the output embedding of masked LM: (vocabulary, hidden).
  const at::Tensor& word_embeddings() const { return word_embeddings_; }
  const at::Device device() const { return word_embeddings_.device(); }

 private:
  at::Tensor embed(const RoutedBatch& routed, const AdapterStackImpl& adapters) const;

  at::Tensor freeze(const std::string& name, const at::Tensor& weight) {
    std::string key = name;
    std::replace(key.begin(), key.end(), '.', '_');
    return register_parameter(key, weight, /*requires_grad=*/false);
  }

  EncoderConfig config_;
  at::Tensor word_embeddings_;      // (vocabulary, hidden)
  at::Tensor position_embeddings_;  // (positions, hidden)
  at::Tensor type_embeddings_;      // (types, hidden)
  FrozenLayerNorm embedding_norm_;
  std::vector<EncoderLayer> layers_;
  bool use_dropout_ = true;
  bool use_checkpointing_ = false;
};

TORCH_MODULE(Encoder);

namespace detail {

/// Picks weights out of an encoder's file, checking each shape.
class WeightReader {
 public:
  WeightReader(const io::TensorMap& weights, std::string where)
      : weights_(weights), where_(std::move(where)) {}

  at::Tensor operator()(const std::string& key, at::IntArrayRef shape) const {
    const auto* weight = weights_.find(key);
    if (weight == nullptr) {
      input_error(where_, ": expected a weight \"", key, "\" of shape ", shape,
                  ", but there is none; is this an XLM-R or BERT encoder?");
    }
    if (weight->sizes() != shape) {
      input_error(where_, ": expected \"", key, "\" of shape ", shape,
                  " by config.json, but found ", weight->sizes(),
                  "; config and weights are not of one model");
    }
    return *weight;
  }

 private:
  const io::TensorMap& weights_;
  std::string where_;
};

}  // namespace detail

inline EncoderImpl::EncoderImpl(EncoderConfig config, const io::TensorMap& weights,
                                const std::string& where)
    : config_(std::move(config)) {
  const detail::WeightReader read(weights, where);
  const auto hidden = config_.hidden_size, inner = config_.intermediate_size;
  const auto embedding = [&](const std::string& name, int64_t rows) {
    return freeze("embeddings_" + name, read("embeddings." + name + ".weight", {rows, hidden}));
  };
  word_embeddings_ = embedding("word_embeddings", config_.vocab_size);
  position_embeddings_ = embedding("position_embeddings", config_.max_position_embeddings);
  type_embeddings_ = embedding("token_type_embeddings", config_.type_vocab_size);
  embedding_norm_ = {
      freeze("embeddings_norm_weight", read("embeddings.LayerNorm.weight", {hidden})),
      freeze("embeddings_norm_bias", read("embeddings.LayerNorm.bias", {hidden})),
      config_.layer_norm_eps};
  for (int64_t index = 0; index < config_.num_hidden_layers; ++index) {
    const auto prefix = "encoder.layer." + std::to_string(index) + ".";
    const auto weight = [&](const std::string& name, int64_t out, int64_t in) {
      return read(prefix + name + ".weight", {out, in});
    };
    const auto bias = [&](const std::string& name, int64_t out) {
      return read(prefix + name + ".bias", {out});
    };
    const std::string self = "attention.self.";
    EncoderLayer layer(config_, index);
    layer->set(
        "qkv", &EncoderLayerImpl::qkv,
        at::cat({weight(self + "query", hidden, hidden), weight(self + "key", hidden, hidden),
                 weight(self + "value", hidden, hidden)}),
        at::cat({bias(self + "query", hidden), bias(self + "key", hidden),
                 bias(self + "value", hidden)}));
    const auto set = [&](const std::string& name, FrozenLinear EncoderLayerImpl::*linear,
                         const std::string& key, int64_t out, int64_t in) {
      layer->set(name, linear, weight(key, out, in), bias(key, out));
    };
    set("attention_output", &EncoderLayerImpl::attention_output, "attention.output.dense", hidden,
        hidden);
    set("intermediate", &EncoderLayerImpl::intermediate, "intermediate.dense", inner, hidden);
    set("output", &EncoderLayerImpl::output, "output.dense", hidden, inner);
    const auto norm = [&](const std::string& name, FrozenLayerNorm EncoderLayerImpl::*target,
                          const std::string& key) {
      layer->set(name, target, read(prefix + key + ".weight", {hidden}), bias(key, hidden));
    };
    norm("attention_norm", &EncoderLayerImpl::attention_norm, "attention.output.LayerNorm");
    norm("output_norm", &EncoderLayerImpl::output_norm, "output.LayerNorm");
    layers_.push_back(register_module("layer" + std::to_string(index), layer));
  }
  const auto beyond =
      "encoder.layer." + std::to_string(config_.num_hidden_layers) + ".output.dense.weight";
  if (weights.contains(beyond)) {
    input_error(where, ": expected ", config_.num_hidden_layers,
                " layers by config.json, but found more (\"", beyond,
                "\"); config and weights are not of one model");
  }
  eval();
}

inline io::TensorMap EncoderImpl::named_weights() const {
  io::TensorMap weights;
  weights.insert("embeddings.word_embeddings.weight", word_embeddings_);
  weights.insert("embeddings.position_embeddings.weight", position_embeddings_);
  weights.insert("embeddings.token_type_embeddings.weight", type_embeddings_);
  const auto insert = [&](const std::string& key, const at::Tensor& weight,
                          const at::Tensor& bias) {
    weights.insert(key + ".weight", weight);
    weights.insert(key + ".bias", bias);
  };
  insert("embeddings.LayerNorm", embedding_norm_.weight, embedding_norm_.bias);
  const auto hidden = config_.hidden_size;
  for (size_t index = 0; index < layers_.size(); ++index) {
    const auto& layer = *layers_[index];
    const auto prefix = "encoder.layer." + std::to_string(index) + ".";
    int64_t part = 0;
    for (const auto* name : {"query", "key", "value"}) {
      insert(prefix + "attention.self." + name, layer.qkv.weight.narrow(0, part * hidden, hidden),
             layer.qkv.bias.narrow(0, part * hidden, hidden));
      ++part;
    }
    insert(prefix + "attention.output.dense", layer.attention_output.weight,
           layer.attention_output.bias);
    insert(prefix + "attention.output.LayerNorm", layer.attention_norm.weight,
           layer.attention_norm.bias);
    insert(prefix + "intermediate.dense", layer.intermediate.weight, layer.intermediate.bias);
    insert(prefix + "output.dense", layer.output.weight, layer.output.bias);
    insert(prefix + "output.LayerNorm", layer.output_norm.weight, layer.output_norm.bias);
  }
  return weights;
}

inline at::Tensor EncoderImpl::embed(const RoutedBatch& routed,
                                     const AdapterStackImpl& adapters) const {
  const auto& batch = routed.batch;
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(batch.rows()));
  for (int64_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    const auto length = batch.offsets[sequence + 1] - batch.offsets[sequence];
    TORCH_CHECK(length <= config_.max_length(), "Encoder: expected sequences of at most ",
                config_.max_length(), " tokens, but sequence ", sequence, " has ", length);
    for (int64_t i = 0; i < length; ++i) positions.push_back(config_.first_position() + i);
  }
  const auto position_ids = at::tensor(positions, at::kLong).to(device());
  const auto sum = at::embedding(word_embeddings_, batch.input_ids) +
                   at::embedding(position_embeddings_, position_ids) + type_embeddings_[0];
  auto x = embedding_norm_(sum);  // (rows, hidden)
  if (is_training()) x = at::dropout(x, config_.hidden_dropout_prob, /*train=*/true);
  return detail::for_each_group(x, routed.groups,
                                [&](const RowGroup& group, const at::Tensor& rows) {
                                  auto* invertible = adapters.invertible(*group.plan);
                                  return invertible == nullptr ? rows : invertible->forward(rows);
                                });
}

inline at::Tensor EncoderImpl::forward(const PackedBatch& batch,
                                       const AdapterStackImpl& adapters) const {
  const auto routed = std::make_shared<const RoutedBatch>(route(batch, adapters));
  const bool whole =
      std::any_of(routed->groups.begin(), routed->groups.end(),
                  [](const RowGroup& group) { return group.plan->needs_all_rows(); });
  const auto& read_rows = routed->batch.read_rows;
  auto x = embed(*routed, adapters);
  for (size_t index = 0; index < layers_.size(); ++index) {
    const bool last = index + 1 == layers_.size() && read_rows.defined() && !whole;
    const auto layer = [this, index, last, routed, &adapters](const at::Tensor& input) {
      return layers_[index]->forward(
          input, routed->batch.offsets, last ? routed->batch.read_rows : at::Tensor(),
          routed->read_offsets, adapters, last ? routed->read_groups : routed->groups);
    };
    x = use_checkpointing_ && at::GradMode::is_enabled() ? recomputed(x, layer) : layer(x);
  }
  if (whole && read_rows.defined()) x = x.index_select(0, read_rows);
  return routed->restore(x);
}

}  // namespace madx

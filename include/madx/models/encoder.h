#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/core/tensor_map.h"
#include "madx/models/encoder_layer.h"
#include "madx/models/recomputed.h"
#include "madx/models/routed_batch.h"
#include "madx/ops/embedding.h"

namespace madx {

/// A pretrained XLM-R or BERT encoder, frozen: no parameter takes a gradient, `train()` switches
/// its dropout alone. Runs packed rows (no padding) with adapters at two sites a layer. Made by
/// io::load_encoder.
class EncoderImpl : public torch::nn::Module {
 public:
  /// `weights` by Hugging Face's names without the model's prefix
  /// (`embeddings.word_embeddings.weight`, ...): taken without a copy, but for query, key and
  /// value, which are packed into one tensor. In a `form` of bfloat16, the linear layers' weights
  /// and the word embeddings are rounded to it, and all else is copied: `weights` can go. Packed
  /// ones are for CPUs that have matrix units, and what is between products is float32; others are
  /// for GPUs, and layers work in bfloat16, from the embeddings to the last hidden states. Throws
  /// InputError naming key, expected and found when a weight is missing or of another shape, and
  /// for packed ones where the CPU would be slower with them or sizes do not fit. A weight under
  /// `config.output_layer_key()` that differs from the word embeddings is kept as output layer.
  EncoderImpl(EncoderConfig config, const TensorMap& weights, const std::string& where,
              WeightForm form = WeightForm::kFloat32);

  /// Last hidden states under a plan: (rows, hidden), or (read, hidden) where `batch.read_rows` is
  /// set, in the batch's order; under a parallel block that many for each of its members, one after
  /// the other. `*adapters` of an AdapterStack is the plan that is active in it. Many threads may
  /// call it at once, with plans of their own. Throws c10::Error when a sequence is longer than the
  /// position table.
  at::Tensor forward(const PackedBatch& batch, const Plan& plan) const;

  /// The same without adapters.
  at::Tensor forward(const PackedBatch& batch) const { return forward(batch, *bare_); }

  /// Embeddings before the first layer, invertible adapters applied: (rows, hidden), of each
  /// channel where there are several.
  at::Tensor embed(const PackedBatch& batch, const Plan& plan) const {
    auto all = batch;
    all.read_rows = at::Tensor();
    const auto routed = route(all, plan);
    return routed.restore(embed(routed));
  }

  /// Makes every weight trainable: full fine-tuning, the baseline that adapters are compared with.
  void unfreeze() {
    TORCH_CHECK(dtype() == at::kFloat, "Encoder: expected float32 weights to train, but they are ",
                dtype());
    for (auto& weight : parameters()) weight.requires_grad_(true);
  }

  /// Whether `train()` switches the encoder's own dropout on (the default).
  void use_dropout(bool use) { use_dropout_ = use; }
  void train(bool on = true) override { Module::train(on && use_dropout_); }

  /// Whether the backward pass computes each layer anew from its input, instead of keeping what is
  /// inside: less memory for a third more time. Until backward() is done, weights, and whether
  /// modules train, must stay as they are; the plan that `forward` was given may go.
  /// Layers below the lowest weight that learns have no backward pass, and are computed once.
  void use_gradient_checkpointing(bool use) { use_checkpointing_ = use; }

  /// Every weight by Hugging Face's name without the model's prefix, query, key and value apart
  /// (views of the packed one).
  TensorMap named_weights() const;

  const EncoderConfig& config() const { return config_; }
  /// In which the weights of linear layers and the word embeddings are kept.
  at::ScalarType dtype() const { return embeddings_.words.scalar_type(); }
  /// The input embedding: (vocabulary, hidden).
  const at::Tensor& word_embeddings() const { return embeddings_.words; }
  /// The output embedding of masked LM, (vocabulary, hidden): the input embedding, but where the
  /// checkpoint has an output layer of its own. That one never learns, in full fine-tuning neither.
  const at::Tensor& output_embeddings() const {
    return output_.defined() ? output_ : embeddings_.words;
  }
  /// Whether the checkpoint has an output layer of its own.
  bool has_own_output() const { return output_.defined(); }
  const at::Device device() const { return embeddings_.words.device(); }

 private:
  at::Tensor embed(const RoutedBatch& routed) const;

  at::Tensor freeze(const std::string& name, const at::Tensor& weight) {
    std::string key = name;
    std::replace(key.begin(), key.end(), '.', '_');
    return register_parameter(key, weight, /*requires_grad=*/false);
  }

  /// A small tensor as it stays: beside weights in bfloat16 a copy in float32, so that it does not
  /// hold a whole file in memory.
  at::Tensor owned(const at::Tensor& weight) const {
    return form_ == WeightForm::kFloat32
               ? weight
               : weight.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  }

  EncoderConfig config_;
  WeightForm form_;
  ops::EmbeddingTables embeddings_;
  at::Tensor output_;  // undefined where the input embedding is the output embedding
  FrozenLayerNorm embedding_norm_;
  std::vector<EncoderLayer> layers_;
  bool use_dropout_ = true;
  bool use_checkpointing_ = false;
  std::shared_ptr<const Plan> bare_;  // without adapters
};

TORCH_MODULE(Encoder);

namespace detail {

/// Picks weights out of an encoder's file, checking each shape.
class WeightReader {
 public:
  WeightReader(const TensorMap& weights, std::string where)
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
  const TensorMap& weights_;
  std::string where_;
};

/// One rule an `if`.
inline void check_weight_form(const EncoderConfig& config, WeightForm form,
                              const std::string& where) {
  if (form != WeightForm::kPackedBfloat16) return;
  if (!cpu::has_bfloat16_products()) {
    input_error(
        "bfloat16: expected a processor with matrix units for it (AMX), but this one has none, and "
        "would be slower than in float32; use float32");
  }
  if (config.hidden_size % cpu::kBfloat16Granule != 0 ||
      config.intermediate_size % cpu::kBfloat16Granule != 0) {
    input_error(where, ": for bfloat16, expected sizes that are multiples of ",
                cpu::kBfloat16Granule, ", but found hidden_size ", config.hidden_size,
                " and intermediate_size ", config.intermediate_size, "; use float32");
  }
}

}  // namespace detail

inline EncoderImpl::EncoderImpl(EncoderConfig config, const TensorMap& weights,
                                const std::string& where, WeightForm form)
    : config_(std::move(config)),
      form_(form),
      bare_(std::make_shared<const Plan>(Bank{config_.hidden_size, config_.num_hidden_layers})) {
  detail::check_weight_form(config_, form, where);
  const detail::WeightReader read(weights, where);
  const auto hidden = config_.hidden_size, inner = config_.intermediate_size;
  const auto embedding = [&](const std::string& name, int64_t rows) {
    return freeze("embeddings_" + name,
                  owned(read("embeddings." + name + ".weight", {rows, hidden})));
  };
  const auto vocabulary = [&](const std::string& key) {
    return read(key, {config_.vocab_size, hidden})
        .to(form == WeightForm::kFloat32 ? at::kFloat : at::kBFloat16);
  };
  const std::string words = "embeddings.word_embeddings.weight";
  embeddings_ = {freeze("embeddings_word_embeddings", vocabulary(words)),
                 embedding("position_embeddings", config_.max_position_embeddings),
                 embedding("token_type_embeddings", config_.type_vocab_size)};
  const std::string output = config_.output_layer_key();
  if (weights.contains(output)) {
    const auto own = vocabulary(output);
    // A buffer, not a parameter: fine-tuning takes all parameters, and none of it uses this one.
    if (!at::equal(own, embeddings_.words)) output_ = register_buffer("output_embeddings", own);
  }
  embedding_norm_ = {
      freeze("embeddings_norm_weight", owned(read("embeddings.LayerNorm.weight", {hidden}))),
      freeze("embeddings_norm_bias", owned(read("embeddings.LayerNorm.bias", {hidden}))),
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
        owned(at::cat({bias(self + "query", hidden), bias(self + "key", hidden),
                       bias(self + "value", hidden)})),
        form);
    const auto set = [&](const std::string& name, FrozenLinear EncoderLayerImpl::*linear,
                         const std::string& key, int64_t out, int64_t in) {
      layer->set(name, linear, weight(key, out, in), owned(bias(key, out)), form);
    };
    set("attention_output", &EncoderLayerImpl::attention_output, "attention.output.dense", hidden,
        hidden);
    set("intermediate", &EncoderLayerImpl::intermediate, "intermediate.dense", inner, hidden);
    set("output", &EncoderLayerImpl::output, "output.dense", hidden, inner);
    const auto norm = [&](const std::string& name, FrozenLayerNorm EncoderLayerImpl::*target,
                          const std::string& key) {
      layer->set(name, target, owned(read(prefix + key + ".weight", {hidden})),
                 owned(bias(key, hidden)));
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

inline TensorMap EncoderImpl::named_weights() const {
  TensorMap weights;
  weights.insert("embeddings.word_embeddings.weight", embeddings_.words);
  weights.insert("embeddings.position_embeddings.weight", embeddings_.positions);
  weights.insert("embeddings.token_type_embeddings.weight", embeddings_.types);
  const auto insert = [&](const std::string& key, const at::Tensor& weight,
                          const at::Tensor& bias) {
    weights.insert(key + ".weight", weight);
    weights.insert(key + ".bias", bias);
  };
  const auto insert_layer = [&](const std::string& key, const FrozenLinear& layer) {
    insert(key, layer.matrix(), layer.bias);
  };
  insert("embeddings.LayerNorm", embedding_norm_.weight, embedding_norm_.bias);
  const auto hidden = config_.hidden_size;
  for (size_t index = 0; index < layers_.size(); ++index) {
    const auto& layer = *layers_[index];
    const auto prefix = "encoder.layer." + std::to_string(index) + ".";
    int64_t part = 0;
    for (const auto* name : {"query", "key", "value"}) {
      insert_layer(prefix + "attention.self." + name, layer.qkv.narrow(part * hidden, hidden));
      ++part;
    }
    insert_layer(prefix + "attention.output.dense", layer.attention_output);
    insert(prefix + "attention.output.LayerNorm", layer.attention_norm.weight,
           layer.attention_norm.bias);
    insert_layer(prefix + "intermediate.dense", layer.intermediate);
    insert_layer(prefix + "output.dense", layer.output);
    insert(prefix + "output.LayerNorm", layer.output_norm.weight, layer.output_norm.bias);
  }
  return weights;
}

inline at::Tensor EncoderImpl::embed(const RoutedBatch& routed) const {
  const auto& batch = routed.batch;
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(batch.rows()));
  for (int64_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    const auto length = batch.offsets[sequence + 1] - batch.offsets[sequence];
    TORCH_CHECK(length <= config_.max_length(), "Encoder: expected sequences of at most ",
                config_.max_length(), " tokens, but sequence ", sequence, " has ", length);
    for (int64_t i = 0; i < length; ++i) positions.push_back(config_.first_position() + i);
  }
  const auto position_ids = upload(at::tensor(positions, at::kLong), device());
  const auto x = ops::embed(batch.input_ids, position_ids, embeddings_, embedding_norm_,
                            is_training() ? config_.hidden_dropout_prob : 0.0);  // (rows, hidden)
  return detail::through_invertible(x, routed.groups, /*inverse=*/false);
}

inline at::Tensor EncoderImpl::forward(const PackedBatch& batch, const Plan& plan) const {
  const auto routed = std::make_shared<const RoutedBatch>(route(batch, plan));
  const bool whole =
      std::any_of(routed->groups.begin(), routed->groups.end(),
                  [](const RowGroup& group) { return group.path->needs_all_rows(); });
  const auto& read_rows = routed->batch.read_rows;
  auto x = embed(*routed);
  if (form_ == WeightForm::kBfloat16) x = x.to(at::kBFloat16);
  for (size_t index = 0; index < layers_.size(); ++index) {
    const bool last = index + 1 == layers_.size() && read_rows.defined() && !whole;
    // It owns all that it reads: backward() may call it when this encoder's caller is long gone.
    const auto layer = [module = layers_[index].ptr(), last, routed](const at::Tensor& input) {
      return module->forward(input, routed->batch.offsets,
                             last ? routed->batch.read_rows : at::Tensor(), routed->read_offsets,
                             last ? routed->read_groups : routed->groups);
    };
    const bool again = use_checkpointing_ && at::GradMode::is_enabled() &&
                       (x.requires_grad() || layers_[index]->learns(routed->groups));
    x = again ? recomputed(x, layer) : layer(x);
  }
  if (whole && read_rows.defined()) x = x.index_select(0, read_rows);
  return routed->restore(form_ == WeightForm::kBfloat16 ? x.to(at::kFloat) : x);
}

}  // namespace madx

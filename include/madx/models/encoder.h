#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/models/encoder_layer.h"
#include "madx/models/encoder_weights.h"
#include "madx/models/recomputed.h"
#include "madx/models/routed_batch.h"
#include "madx/ops/embedding.h"

namespace madx {

/// A pretrained XLM-R or BERT encoder, frozen: no parameter takes a gradient, `train()` switches
/// its dropout alone. Runs packed rows (no padding) with adapters at two sites a layer. Made by
/// io::load_encoder.
class EncoderImpl : public torch::nn::Module {
 public:
  /// `weights` are taken without a copy, but for query, key and value, which are packed into one
  /// tensor. In a `form` of bfloat16, the linear layers' weights and the word embeddings are
  /// rounded to it, and all else is copied: `weights` can go. Packed ones are for CPUs that have
  /// matrix units, and what is between products is float32; others are for GPUs, and layers work in
  /// bfloat16, from the embeddings to the last hidden states. Throws InputError for packed ones
  /// where the CPU would be slower with them or sizes do not fit; c10::Error for another number of
  /// layers than `config` has. An output layer that differs from the word embeddings is kept.
  EncoderImpl(EncoderConfig config, const EncoderWeights& weights,
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

  /// Every weight; query, key and value are views of the packed one.
  EncoderWeights weights() const;

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
  /// Rows of it, gathered: ids (count) int64, on the encoder's device -> (count, hidden), floating.
  at::Tensor output_embeddings(const at::Tensor& ids) const {
    return output_embeddings().index_select(0, ids);
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

inline EncoderImpl::EncoderImpl(EncoderConfig config, const EncoderWeights& weights,
                                WeightForm form)
    : config_(std::move(config)),
      form_(form),
      bare_(std::make_shared<const Plan>(Bank{config_.hidden_size, config_.num_hidden_layers})) {
  detail::check_weight_form(config_, form, "Encoder");
  TORCH_CHECK(static_cast<int64_t>(weights.layers.size()) == config_.num_hidden_layers,
              "Encoder: expected weights of ", config_.num_hidden_layers, " layers, but got ",
              weights.layers.size());
  const auto vocabulary = [&](const at::Tensor& weight) {
    return weight.to(form == WeightForm::kFloat32 ? at::kFloat : at::kBFloat16);
  };
  embeddings_ = {freeze("embeddings_word_embeddings", vocabulary(weights.words)),
                 freeze("embeddings_position_embeddings", owned(weights.positions)),
                 freeze("embeddings_token_type_embeddings", owned(weights.types))};
  if (weights.output.defined()) {
    const auto own = vocabulary(weights.output);
    // A buffer, not a parameter: fine-tuning takes all parameters, and none of it uses this one.
    if (!at::equal(own, embeddings_.words)) output_ = register_buffer("output_embeddings", own);
  }
  embedding_norm_ = {freeze("embeddings_norm_weight", owned(weights.norm.weight)),
                     freeze("embeddings_norm_bias", owned(weights.norm.bias)),
                     config_.layer_norm_eps};
  for (const auto& from : weights.layers) {
    const auto index = static_cast<int64_t>(layers_.size());
    EncoderLayer layer(config_, index);
    layer->set("qkv", &EncoderLayerImpl::qkv,
               at::cat({from.query.weight, from.key.weight, from.value.weight}),
               owned(at::cat({from.query.bias, from.key.bias, from.value.bias})), form);
    const auto set = [&](const std::string& name, FrozenLinear EncoderLayerImpl::*linear,
                         const LayerWeights& of) {
      layer->set(name, linear, of.weight, owned(of.bias), form);
    };
    set("attention_output", &EncoderLayerImpl::attention_output, from.attention_output);
    set("intermediate", &EncoderLayerImpl::intermediate, from.intermediate);
    set("output", &EncoderLayerImpl::output, from.output);
    const auto norm = [&](const std::string& name, FrozenLayerNorm EncoderLayerImpl::*target,
                          const LayerWeights& of) {
      layer->set(name, target, owned(of.weight), owned(of.bias));
    };
    norm("attention_norm", &EncoderLayerImpl::attention_norm, from.attention_norm);
    norm("output_norm", &EncoderLayerImpl::output_norm, from.output_norm);
    layers_.push_back(register_module("layer" + std::to_string(index), layer));
  }
  eval();
}

inline EncoderWeights EncoderImpl::weights() const {
  EncoderWeights weights{embeddings_.words,
                         embeddings_.positions,
                         embeddings_.types,
                         {embedding_norm_.weight, embedding_norm_.bias},
                         {},
                         output_};
  const auto of = [](const FrozenLinear& layer) {
    return LayerWeights{layer.matrix(), layer.bias};
  };
  const auto norm = [](const FrozenLayerNorm& layer) {
    return LayerWeights{layer.weight, layer.bias};
  };
  const auto hidden = config_.hidden_size;
  for (const auto& module : layers_) {
    const auto& layer = *module;
    weights.layers.push_back({of(layer.qkv.narrow(0, hidden)), of(layer.qkv.narrow(hidden, hidden)),
                              of(layer.qkv.narrow(2 * hidden, hidden)), of(layer.attention_output),
                              norm(layer.attention_norm), of(layer.intermediate), of(layer.output),
                              norm(layer.output_norm)});
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

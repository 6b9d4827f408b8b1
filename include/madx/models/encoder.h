#pragma once

#include <torch/nn/module.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/models/encoder_layer.h"
#include "madx/models/encoder_weights.h"
#include "madx/models/recomputed.h"
#include "madx/models/routed_batch.h"
#include "madx/models/weight_form.h"
#include "madx/ops/embedding.h"

namespace madx {

/// A pretrained XLM-R or BERT encoder, frozen: no parameter takes a gradient, `train()` switches
/// its dropout alone. Runs packed rows (no padding) with adapters at two sites a layer. Made by
/// io::load_encoder.
class EncoderImpl : public torch::nn::Module {
 public:
  /// `weights` are taken without a copy, but for query, key and value, which are packed into one
  /// tensor. In a `form` of bfloat16 or int8, the linear layers' weights and the word embeddings
  /// are rounded to it, and all else is copied: `weights` can go, but for words that are mapped
  /// (EncoderWeights). Packed ones are for CPUs that have the units for them, and what is between
  /// products is float32; others are for GPUs, and layers work in bfloat16, from the embeddings to
  /// the last hidden states. In int8, columns that a LayerNorm makes far larger than others
  /// (ops::large_columns) stay in float32. Throws InputError for packed ones where the CPU would be
  /// slower with them or sizes do not fit. An output layer that differs from the word embeddings is
  /// kept.
  EncoderImpl(EncoderConfig config, const EncoderWeights& weights,
              WeightForm form = WeightForm::kFloat32);

  /// Last hidden states under a plan: (rows, hidden), or (read, hidden) where `batch.read_rows` is
  /// set, in the batch's order; under a parallel block that many for each of its members, one after
  /// the other. `*adapters` of an AdapterStack is the plan that is active in it. Many threads may
  /// call it at once, with plans of their own. Throws c10::Error when a sequence is longer than the
  /// position table, and for a plan of a bank of another shape.
  at::Tensor forward(const PackedBatch& batch, const Plan& plan) const;

  /// The same without adapters.
  at::Tensor forward(const PackedBatch& batch) const { return forward(batch, *bare_); }

  /// Hidden states after each layer, the last one's too: (rows, hidden) each, of all rows, whatever
  /// `batch.read_rows` says. For what looks inside; keeps all of them in memory.
  std::vector<at::Tensor> layer_states(const PackedBatch& batch, const Plan& plan) const;

  /// Embeddings before the first layer, invertible adapters applied: (rows, hidden), of each
  /// channel where there are several.
  at::Tensor embed(const PackedBatch& batch, const Plan& plan) const {
    auto all = batch;
    all.read_rows = at::Tensor();
    const auto routed = route_here(all, plan);
    return routed.restore(embed(routed));
  }

  /// Makes every weight trainable: full fine-tuning, the baseline that adapters are compared with.
  void unfreeze() {
    TORCH_CHECK(form_ == WeightForm::kFloat32,
                "Encoder: expected float32 weights to train, but they are ", dtype());
    for (auto& weight : parameters()) weight.requires_grad_(true);
  }

  /// Whether `train()` switches the encoder's own dropout on (the default).
  void use_dropout(bool use) { use_dropout_ = use; }
  /// Switches dropout, where `use_dropout` has not turned it off.
  void train(bool on = true) override { Module::train(on && use_dropout_); }

  /// Whether the layers' products are of bfloat16: weights of float32, which learn, rows and
  /// gradients are rounded as they meet; all else stays float32. Throws c10::Error for others.
  void use_bfloat16_products(bool use) {
    TORCH_CHECK(!use || form_ == WeightForm::kFloat32,
                "Encoder: expected float32 weights for products of bfloat16, but they are ",
                dtype());
    for (auto& layer : layers_) layer->round_products(use);
  }

  /// Whether the backward pass computes each layer anew from its input, instead of keeping what is
  /// inside: less memory for a third more time. Until backward() is done, weights, and whether
  /// modules train, must stay as they are; the plan that `forward` was given may go. With dropout,
  /// for one thread at a time (madx/models/recomputed.h). Layers below the lowest weight that
  /// learns have no backward pass, and are computed once.
  void use_gradient_checkpointing(bool use) { use_checkpointing_ = use; }

  /// Every weight; query, key and value are views of the packed one, and what is packed is
  /// unpacked.
  EncoderWeights weights() const;

  const EncoderConfig& config() const { return config_; }  ///< as it was loaded
  /// In which the weights of linear layers are kept.
  at::ScalarType dtype() const {
    return form_ == WeightForm::kInt8 ? at::kChar : embeddings_.words.scalar_type();
  }
  /// The input embedding, (vocabulary, hidden), of which rows in int8 count by word_scales().
  const at::Tensor& word_embeddings() const { return embeddings_.words; }
  /// (vocabulary) float32: what a row of word embeddings in int8 counts by; else undefined.
  const at::Tensor& word_scales() const { return embeddings_.word_scales; }
  /// The output embedding of masked LM, (vocabulary, hidden): the input embedding, but where the
  /// checkpoint has an output layer of its own, which unfreeze() leaves as it is.
  /// Where words are int8, a copy in float32, made at the first call.
  const at::Tensor& output_embeddings() const {
    if (output_.defined()) return output_;
    if (!embeddings_.word_scales.defined()) return embeddings_.words;
    std::call_once(scaled_->made, [this] {
      scaled_->words = embeddings_.words.to(at::kFloat).mul_(embeddings_.word_scales.unsqueeze(1));
    });
    return scaled_->words;
  }
  /// Rows of it, gathered, in its type: ids (n) int64, on the encoder's device -> (n, hidden).
  at::Tensor output_embeddings(const at::Tensor& ids) const {
    const bool scaled = !output_.defined() && embeddings_.word_scales.defined();
    return scaled ? embeddings_.words_of(ids) : output_embeddings().index_select(0, ids);
  }
  /// Whether the checkpoint has an output layer of its own.
  bool has_own_output() const { return output_.defined(); }
  const at::Device device() const { return embeddings_.words.device(); }  ///< where the weights are

 private:
  /// Throws c10::Error for a plan of another shape: a path is asked for layers unchecked.
  RoutedBatch route_here(const PackedBatch& batch, const Plan& plan) const {
    TORCH_CHECK(
        plan.num_layers() == config_.num_hidden_layers && plan.hidden_size() == config_.hidden_size,
        "Encoder: expected a plan for ", config_.num_hidden_layers, " layers of hidden size ",
        config_.hidden_size, ", but got one for ", plan.num_layers(), " of ", plan.hidden_size());
    return route(batch, plan);
  }
  at::Tensor embed(const RoutedBatch& routed) const;
  /// Puts the states after each layer into `after`, where there is one; it has no rows to read
  /// then.
  at::Tensor run(const PackedBatch& batch, const Plan& plan, std::vector<at::Tensor>* after) const;

  /// The word embeddings, in the encoder's form.
  template <class Done>
  void set_words(const EncoderWeights& weights, Done&& done);

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
  /// The input embedding in float32 beside that in int8; copies of an encoder share it.
  struct ScaledWords {
    std::once_flag made;
    at::Tensor words;
  };
  std::shared_ptr<ScaledWords> scaled_ = std::make_shared<ScaledWords>();
  FrozenLayerNorm embedding_norm_;
  std::vector<EncoderLayer> layers_;
  bool use_dropout_ = true;
  bool use_checkpointing_ = false;
  std::shared_ptr<const Plan> bare_;  // without adapters
};

TORCH_MODULE(Encoder);

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
  return run(batch, plan, /*after=*/nullptr);
}

inline std::vector<at::Tensor> EncoderImpl::layer_states(const PackedBatch& batch,
                                                         const Plan& plan) const {
  auto all = batch;
  all.read_rows = at::Tensor();
  std::vector<at::Tensor> states;
  states.reserve(layers_.size());
  run(all, plan, &states);
  return states;
}

inline at::Tensor EncoderImpl::run(const PackedBatch& batch, const Plan& plan,
                                   std::vector<at::Tensor>* after) const {
  const auto routed = std::make_shared<const RoutedBatch>(route_here(batch, plan));
  const bool whole =
      std::any_of(routed->groups.begin(), routed->groups.end(),
                  [](const RowGroup& group) { return group.path->needs_all_rows(); });
  const auto& read_rows = routed->batch.read_rows;
  auto x = [&] {
    const ops::PartScope part(routed->part_rows.get());
    return embed(*routed);
  }();
  if (form_ == WeightForm::kBfloat16) x = x.to(at::kBFloat16);
  const auto result = [&](const at::Tensor& states) {
    return routed->restore(form_ == WeightForm::kBfloat16 ? states.to(at::kFloat) : states);
  };
  for (size_t index = 0; index < layers_.size(); ++index) {
    const bool last = index + 1 == layers_.size() && read_rows.defined() && !whole;
    // It owns all that it reads: backward() may call it when this encoder's caller is long gone.
    const auto layer = [module = layers_[index].ptr(), last, routed](const at::Tensor& input) {
      const ops::PartScope part((last ? routed->read_part_rows : routed->part_rows).get());
      return module->forward(input, routed->batch.offsets,
                             last ? routed->batch.read_rows : at::Tensor(), routed->read_offsets,
                             last ? routed->read_groups : routed->groups);
    };
    const bool again = use_checkpointing_ && at::GradMode::is_enabled() &&
                       (x.requires_grad() || layers_[index]->learns(routed->groups));
    x = again ? recomputed(x, layer) : layer(x);
    if (after != nullptr) after->push_back(result(x));
  }
  if (whole && read_rows.defined()) x = x.index_select(0, read_rows);
  return after != nullptr ? after->back() : result(x);
}

}  // namespace madx

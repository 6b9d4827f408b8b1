// How an encoder takes its weights, and gives them back.
#include "madx/models/encoder.h"

#include <string>
#include <utility>
#include <vector>

namespace madx {

EncoderImpl::EncoderImpl(EncoderConfig config, const EncoderWeights& weights, WeightForm form)
    : config_(std::move(config)),
      form_(form),
      bare_(std::make_shared<const Plan>(Bank{config_.hidden_size, config_.num_hidden_layers})) {
  check_weight_form(config_, form, "Encoder");
  const auto done = [&](const at::Tensor& weight) {
    if (form != WeightForm::kFloat32 && weights.done) weights.done(weight);
  };
  // A buffer, not a parameter: fine-tuning takes all parameters, and none of it uses this one.
  if (weights.output.defined() && !at::equal(weights.output, weights.words)) {
    const bool rounds = form == WeightForm::kBfloat16 || form == WeightForm::kPackedBfloat16;
    output_ = register_buffer("output_embeddings",
                              weights.output.to(rounds ? at::kBFloat16 : at::kFloat));
  }
  const bool stays = output_.defined() && output_.is_alias_of(weights.output);
  if (weights.output.defined() && !stays) done(weights.output);
  set_words(weights, done);
  embeddings_.positions = freeze("embeddings_position_embeddings", owned(weights.positions));
  embeddings_.types = freeze("embeddings_token_type_embeddings", owned(weights.types));
  embedding_norm_ = {freeze("embeddings_norm_weight", owned(weights.norm.weight)),
                     freeze("embeddings_norm_bias", owned(weights.norm.bias)),
                     config_.layer_norm_eps};
  // Of what a layer's input is the LayerNorm's result, the columns that stay in float32.
  const auto exact = [&](const FrozenLayerNorm& norm) {
    return form == WeightForm::kInt8 ? ops::large_columns(norm.weight, norm.bias)
                                     : std::vector<int32_t>();
  };
  auto before = exact(embedding_norm_);
  for (int64_t index = 0; index < config_.num_hidden_layers; ++index) {
    const auto from = weights.layer(index);
    EncoderLayer layer(config_, index);
    layer->set("qkv", &EncoderLayerImpl::qkv,
               at::cat({from.query.weight, from.key.weight, from.value.weight}),
               owned(at::cat({from.query.bias, from.key.bias, from.value.bias})), form, before);
    for (const auto& part : {from.query, from.key, from.value}) done(part.weight);
    const auto norm = [&](const std::string& name, FrozenLayerNorm EncoderLayerImpl::*target,
                          const LayerWeights& of) {
      layer->set(name, target, owned(of.weight), owned(of.bias));
    };
    norm("attention_norm", &EncoderLayerImpl::attention_norm, from.attention_norm);
    norm("output_norm", &EncoderLayerImpl::output_norm, from.output_norm);
    const auto set = [&](const std::string& name, FrozenLinear EncoderLayerImpl::*linear,
                         const LayerWeights& of, std::vector<int32_t> columns) {
      layer->set(name, linear, of.weight, owned(of.bias), form, std::move(columns));
      done(of.weight);
    };
    set("attention_output", &EncoderLayerImpl::attention_output, from.attention_output, {});
    set("intermediate", &EncoderLayerImpl::intermediate, from.intermediate,
        exact(layer->attention_norm));
    set("output", &EncoderLayerImpl::output, from.output, {});
    before = exact(layer->output_norm);
    layers_.push_back(register_module("layer" + std::to_string(index), layer));
  }
  eval();
}

template <class Done>
void EncoderImpl::set_words(const EncoderWeights& weights, Done&& done) {
  const std::string name = "embeddings_word_embeddings";
  if (form_ != WeightForm::kInt8 || weights.words_are_mapped) {
    const bool rounds = form_ == WeightForm::kBfloat16 || form_ == WeightForm::kPackedBfloat16;
    const auto type = rounds ? at::kBFloat16 : at::kFloat;
    embeddings_.words = freeze(name, weights.words.to(type));
    if (rounds) done(weights.words);
    return;
  }
  const bool ready = weights.word_scales.defined();
  const auto words = ready ? ops::Int8Rows{weights.words, weights.word_scales}
                           : ops::quantise_rows(weights.words, done);
  embeddings_.words = register_buffer(name, words.rows);  // a parameter is a floating-point tensor
  embeddings_.word_scales = register_buffer(name + "_scales", words.scales);
}

EncoderWeights EncoderImpl::weights() const {
  EncoderWeights weights{embeddings_.words,
                         embeddings_.positions,
                         embeddings_.types,
                         {embedding_norm_.weight, embedding_norm_.bias},
                         {},
                         output_,
                         embeddings_.word_scales};
  const auto of = [](const FrozenLinear& layer) {
    return LayerWeights{layer.matrix(), layer.bias};
  };
  const auto norm = [](const FrozenLayerNorm& layer) {
    return LayerWeights{layer.weight, layer.bias};
  };
  const auto hidden = config_.hidden_size;
  weights.layer = [of, norm, hidden, layers = layers_](int64_t index) {
    const auto& layer = *layers[static_cast<size_t>(index)];
    return EncoderLayerWeights{of(layer.qkv.narrow(0, hidden)),
                               of(layer.qkv.narrow(hidden, hidden)),
                               of(layer.qkv.narrow(2 * hidden, hidden)),
                               of(layer.attention_output),
                               norm(layer.attention_norm),
                               of(layer.intermediate),
                               of(layer.output),
                               norm(layer.output_norm)};
  };
  return weights;
}

}  // namespace madx

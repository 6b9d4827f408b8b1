#include "madx/io/encoder_names.h"

#include <array>

#include "madx/core/error.h"
#include "madx/io/mapped_file.h"

namespace madx::io {
namespace {

/// A part of a layer and Hugging Face's name of it.
struct LayerName {
  LayerWeights EncoderLayerWeights::*part;
  const char* name;
  enum { kSquare, kWiden, kNarrow, kNorm } shape;
};
constexpr std::array<LayerName, 8> kLayerNames = {{
    {&EncoderLayerWeights::query, "attention.self.query", LayerName::kSquare},
    {&EncoderLayerWeights::key, "attention.self.key", LayerName::kSquare},
    {&EncoderLayerWeights::value, "attention.self.value", LayerName::kSquare},
    {&EncoderLayerWeights::attention_output, "attention.output.dense", LayerName::kSquare},
    {&EncoderLayerWeights::attention_norm, "attention.output.LayerNorm", LayerName::kNorm},
    {&EncoderLayerWeights::intermediate, "intermediate.dense", LayerName::kWiden},
    {&EncoderLayerWeights::output, "output.dense", LayerName::kNarrow},
    {&EncoderLayerWeights::output_norm, "output.LayerNorm", LayerName::kNorm},
}};
constexpr auto kWordEmbeddings = "embeddings.word_embeddings";
constexpr auto kPositionEmbeddings = "embeddings.position_embeddings";
constexpr auto kTypeEmbeddings = "embeddings.token_type_embeddings";
constexpr auto kEmbeddingNorm = "embeddings.LayerNorm";

std::string layer_prefix(int64_t layer) { return "encoder.layer." + std::to_string(layer) + "."; }

}  // namespace

const at::Tensor& find_weight(const TensorMap& weights, const std::string& where,
                              const std::string& key, at::IntArrayRef shape) {
  const auto* weight = weights.find(key);
  if (weight == nullptr) {
    input_error(where, ": expected a weight \"", key, "\" of shape ", shape,
                ", but there is none; is this an XLM-R or BERT encoder?");
  }
  if (weight->sizes() != shape) {
    input_error(where, ": expected \"", key, "\" of shape ", shape, " by config.json, but found ",
                weight->sizes(), "; config and weights are not of one model");
  }
  return *weight;
}

EncoderWeights import_encoder(const EncoderConfig& config, const TensorMap& weights,
                              const std::string& where) {
  const auto hidden = config.hidden_size, inner = config.intermediate_size;
  const auto read = [&](const std::string& key, at::IntArrayRef shape) {
    return find_weight(weights, where, key, shape);
  };
  const auto embedding = [&](const std::string& name, int64_t rows) {
    return read(name + ".weight", {rows, hidden});
  };
  const auto norm = [&](const std::string& name) {
    return LayerWeights{read(name + ".weight", {hidden}), read(name + ".bias", {hidden})};
  };
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    return LayerWeights{read(name + ".weight", {out, in}), read(name + ".bias", {out})};
  };
  EncoderWeights result{embedding(kWordEmbeddings, config.vocab_size),
                        embedding(kPositionEmbeddings, config.max_position_embeddings),
                        embedding(kTypeEmbeddings, config.type_vocab_size),
                        {},
                        {}};
  std::vector<EncoderLayerWeights> layers;
  const std::string output = config.output_layer_key();
  if (weights.contains(output)) result.output = read(output, {config.vocab_size, hidden});
  result.norm = norm(kEmbeddingNorm);
  for (int64_t index = 0; index < config.num_hidden_layers; ++index) {
    auto& layer = layers.emplace_back();
    for (const auto& [part, name, shape] : kLayerNames) {
      const auto key = layer_prefix(index) + name;
      layer.*part = shape == LayerName::kNorm
                        ? norm(key)
                        : linear(key, shape == LayerName::kWiden ? inner : hidden,
                                 shape == LayerName::kNarrow ? inner : hidden);
    }
  }
  const auto beyond = layer_prefix(config.num_hidden_layers) + "output.dense.weight";
  if (weights.contains(beyond)) {
    input_error(where, ": expected ", config.num_hidden_layers,
                " layers by config.json, but found more (\"", beyond,
                "\"); config and weights are not of one model");
  }
  result.layer = [layers = std::move(layers)](int64_t index) {
    return layers[static_cast<size_t>(index)];
  };
  return result;
}

Encoder make_encoder(const EncoderConfig& config, const TensorMap& weights,
                     const std::string& where, WeightForm form,
                     const std::function<void(const at::Tensor&)>& done) {
  check_weight_form(config, form, where);
  auto imported = import_encoder(config, weights, where);
  const auto& words = imported.words;
  imported.words_are_mapped = words.scalar_type() == at::kFloat && words.is_contiguous() &&
                              is_mapped(words.const_data_ptr(), words.nbytes());
  imported.done = done;
  return Encoder(config, imported, form);
}

TensorMap hugging_face_weights(const Encoder& encoder) {
  const auto weights = encoder->weights();
  TensorMap map;
  const auto insert = [&](const std::string& key, const LayerWeights& layer) {
    map.insert(key + ".weight", layer.weight);
    map.insert(key + ".bias", layer.bias);
  };
  map.insert(std::string(kWordEmbeddings) + ".weight",
             weights.word_scales.defined()
                 ? weights.words.to(at::kFloat).mul_(weights.word_scales.unsqueeze(1))
                 : weights.words);
  map.insert(std::string(kPositionEmbeddings) + ".weight", weights.positions);
  map.insert(std::string(kTypeEmbeddings) + ".weight", weights.types);
  insert(kEmbeddingNorm, weights.norm);
  for (int64_t index = 0; index < encoder->config().num_hidden_layers; ++index) {
    const auto layer = weights.layer(index);
    for (const auto& [part, name, shape] : kLayerNames)
      insert(layer_prefix(index) + name, layer.*part);
  }
  return map;
}

MlmHeadNames mlm_head_names(const EncoderConfig& config) {
  if (config.model_type == "bert") {
    return {"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
            "cls.predictions.bias", "cls.predictions.decoder.bias"};
  }
  return {"lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder.bias"};
}

TensorMap hugging_face_weights(const MlmHead& head, const Encoder& encoder) {
  const auto names = mlm_head_names(encoder->config());
  TensorMap map;
  map.insert(names.bias, head->bias);
  map.insert(names.dense + ".weight", head->dense->weight);
  map.insert(names.dense + ".bias", head->dense->bias);
  map.insert(names.norm + ".weight", head->norm->weight);
  map.insert(names.norm + ".bias", head->norm->bias);
  if (encoder->has_own_output())
    map.insert(encoder->config().output_layer_key(), encoder->output_embeddings());
  return map;
}

}  // namespace madx::io

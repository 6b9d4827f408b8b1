#pragma once

#include <torch/utils.h>

#include <string>

#include "madx/io/encoder_names.h"
#include "madx/models/encoder.h"

namespace madx {

/// An XLM-R for the vocabulary of tests/fixtures/tokenizer/xlmr, small enough for any test.
inline EncoderConfig tiny_config() {
  EncoderConfig config;
  config.vocab_size = 252;
  config.hidden_size = 12;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 3;
  config.intermediate_size = 20;
  config.max_position_embeddings = 20;
  return config;
}

/// Random weights of this shape, by Hugging Face's names without prefix.
inline TensorMap random_weights(const EncoderConfig& config, uint64_t seed = 7) {
  torch::manual_seed(seed);
  TensorMap weights;
  const auto add = [&](const std::string& name, at::IntArrayRef shape) {
    weights.insert(name, at::randn(shape) * 0.3);
  };
  const auto hidden = config.hidden_size, inner = config.intermediate_size;
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  const auto norm = [&](const std::string& name) {
    weights.insert(name + ".weight", at::rand({hidden}) + 0.5);
    add(name + ".bias", {hidden});
  };
  add("embeddings.word_embeddings.weight", {config.vocab_size, hidden});
  add("embeddings.position_embeddings.weight", {config.max_position_embeddings, hidden});
  add("embeddings.token_type_embeddings.weight", {config.type_vocab_size, hidden});
  norm("embeddings.LayerNorm");
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const auto layer = "encoder.layer." + std::to_string(i) + ".";
    for (const std::string part : {"query", "key", "value"}) {
      linear(layer + "attention.self." + part, hidden, hidden);
    }
    linear(layer + "attention.output.dense", hidden, hidden);
    norm(layer + "attention.output.LayerNorm");
    linear(layer + "intermediate.dense", inner, hidden);
    linear(layer + "output.dense", hidden, inner);
    norm(layer + "output.LayerNorm");
  }
  return weights;
}

inline Encoder tiny_encoder(const EncoderConfig& config = tiny_config(), uint64_t seed = 7) {
  return io::make_encoder(config, random_weights(config, seed), "tiny encoder");
}

}  // namespace madx

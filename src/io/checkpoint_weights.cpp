#include "io/checkpoint_weights.h"

#include <ATen/ops/equal.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/io/floating.h"

namespace madx::io {
namespace {

constexpr std::string_view kWords = "embeddings.word_embeddings.weight";

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// What stands before the names of the encoder's weights: "", "roberta.", "model.bert.", ... An
/// archive may hold one module under two names; two encoders are refused.
std::string encoder_prefix(const TensorMap& file, const std::string& where) {
  std::optional<std::string> prefix;
  for (const auto& item : file) {
    const std::string_view key = item.key();
    if (!ends_with(key, kWords)) continue;
    const std::string found(key.substr(0, key.size() - kWords.size()));
    if (!found.empty() && found.back() != '.') continue;
    if (!prefix) {
      prefix = found;
      continue;
    }
    const auto first = *prefix + std::string(kWords);
    const auto& tensor = file[first];
    if (tensor.dtype() != item.value().dtype() || !at::equal(tensor, item.value())) {
      input_error(where, ": expected the weights of one encoder, but found those of two, \"", first,
                  "\" and \"", item.key(), "\"; save the one that you want alone");
    }
    if (found.size() < prefix->size()) prefix = found;
  }
  return prefix.value_or("");
}

/// What stands before the names of the head, which lies beside the encoder: "model." for
/// "model.roberta.".
std::string head_prefix(const std::string& encoder) {
  const auto dot = encoder.size() < 2 ? std::string::npos : encoder.rfind('.', encoder.size() - 2);
  return dot == std::string::npos ? "" : encoder.substr(0, dot + 1);
}

/// BERT's first checkpoints, mBERT among them, call the weight and bias of a LayerNorm gamma and
/// beta.
std::string renamed(std::string name) {
  for (const auto& [old, fresh] :
       {std::pair<std::string_view, const char*>{"LayerNorm.gamma", "LayerNorm.weight"},
        {"LayerNorm.beta", "LayerNorm.bias"}}) {
    if (ends_with(name, old)) return name.replace(name.size() - old.size(), old.size(), fresh);
  }
  return name;
}

bool starts_with_any(std::string_view name, std::initializer_list<const char*> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](const char* start) { return starts_with(name, start); });
}

bool is_encoder_weight(std::string_view name) {
  return starts_with_any(
      name, {"embeddings.word_embeddings.", "embeddings.position_embeddings.",
             "embeddings.token_type_embeddings.", "embeddings.LayerNorm.", "encoder.layer."});
}

}  // namespace

bool is_head_weight(const std::string& name) {
  return starts_with_any(name, {"lm_head.dense.", "lm_head.layer_norm.", "lm_head.decoder.",
                                "cls.predictions.transform.", "cls.predictions.decoder."}) ||
         name == "lm_head.bias" || name == "cls.predictions.bias";
}

TensorMap checkpoint_weights(const TensorMap& file, const std::string& where) {
  const auto prefix = encoder_prefix(file, where), outer = head_prefix(prefix);
  TensorMap weights;
  for (const auto& item : file) {
    const std::string_view key = item.key();
    auto name = starts_with(key, prefix) ? renamed(std::string(key.substr(prefix.size()))) : "";
    if (!is_encoder_weight(name) && !is_head_weight(name)) {
      name = starts_with(key, outer) ? renamed(std::string(key.substr(outer.size()))) : "";
      if (!is_head_weight(name)) continue;
    }
    check_floating(where + ": " + item.key(), item.value());
    if (!weights.contains(name)) weights.insert(name, item.value().detach().to(at::kFloat));
  }
  return weights;
}

void settle_output_layer(TensorMap& weights, const EncoderConfig& config, bool runs,
                         const std::string& where) {
  const std::string output = config.output_layer_key();
  const bool has_head =
      weights.contains(config.model_type == "bert" ? "cls.predictions.transform.dense.weight"
                                                   : "lm_head.dense.weight");
  const auto* const found = weights.find(output);
  if (found == nullptr) {
    if (config.tie_word_embeddings || !has_head) return;
    input_error(where, ": expected a weight \"", output, "\" of shape ",
                at::IntArrayRef({config.vocab_size, config.hidden_size}),
                ", as config.json says \"tie_word_embeddings\": false, but there is none; give the "
                "weight, or set the key to true");
  }
  const auto* const words = weights.find(std::string(kWords));
  const bool same = words != nullptr && at::equal(*found, *words);
  if (has_head && (!config.tie_word_embeddings || (runs && !same))) return;
  weights.erase(output);
}

}  // namespace madx::io

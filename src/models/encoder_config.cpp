#include "madx/models/encoder_config.h"

#include "core/json_text.h"
#include "madx/core/error.h"

namespace madx {
namespace {

using nlohmann::json;

/// A positive whole number. Throws InputError when it is missing or something else.
int64_t read_size(const json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer() || found->get<int64_t>() < 1 ||
      found->get<int64_t>() > (int64_t{1} << 31)) {
    input_error(where, ": expected \"", key, "\" to be a positive whole number, but found ",
                found == object.end() ? "none" : shown(*found));
  }
  return found->get<int64_t>();
}

double read_number(const json& object, const char* key, double otherwise,
                   const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  if (!found->is_number() || found->get<double>() < 0 || found->get<double>() >= 1) {
    input_error(where, ": expected \"", key, "\" to be a number in [0, 1), but found ",
                shown(*found));
  }
  return found->get<double>();
}

/// What would change the encoder's equations and is not built: refused by name rather than ignored.
void refuse_other_encoders(const json& object, const std::string& where) {
  const auto expect = [&](const char* key, const std::string& value) {
    const auto found = object.find(key);
    if (found != object.end() && *found != value) {
      input_error(where, ": expected \"", key, "\" to be \"", value, "\", but found ",
                  shown(*found), "; only encoders of XLM-R's and BERT's kind are supported");
    }
  };
  expect("hidden_act", "gelu");
  expect("position_embedding_type", "absolute");
}

}  // namespace

EncoderConfig parse_encoder_config(const std::string& text, const std::string& where) {
  const auto object = parse_json(where, text);
  if (!object.is_object()) {
    input_error(where,
                ": expected a JSON object (Hugging Face's config.json), but found something else");
  }
  EncoderConfig config;
  config.model_type =
      object.value("model_type", json()).is_string() ? object["model_type"].get<std::string>() : "";
  if (config.model_type != "xlm-roberta" && config.model_type != "roberta" &&
      config.model_type != "bert") {
    input_error(where, ": expected \"model_type\" to be \"xlm-roberta\" or \"bert\", but found ",
                shown(object.value("model_type", json())));
  }
  refuse_other_encoders(object, where);
  config.vocab_size = read_size(object, "vocab_size", where);
  config.hidden_size = read_size(object, "hidden_size", where);
  config.num_hidden_layers = read_size(object, "num_hidden_layers", where);
  config.num_attention_heads = read_size(object, "num_attention_heads", where);
  config.intermediate_size = read_size(object, "intermediate_size", where);
  config.max_position_embeddings = read_size(object, "max_position_embeddings", where);
  if (object.contains("type_vocab_size"))
    config.type_vocab_size = read_size(object, "type_vocab_size", where);
  config.pad_token_id = config.model_type == "bert" ? 0 : 1;
  if (object.contains("pad_token_id")) {
    const auto& pad = object["pad_token_id"];
    if (!pad.is_number_integer() || pad.get<int64_t>() < 0 ||
        pad.get<int64_t>() >= config.vocab_size) {
      input_error(where, ": expected \"pad_token_id\" to be an id below ", config.vocab_size,
                  ", but found ", shown(pad));
    }
    config.pad_token_id = pad.get<int64_t>();
  }
  config.layer_norm_eps =
      read_number(object, "layer_norm_eps", config.model_type == "bert" ? 1e-12 : 1e-5, where);
  config.hidden_dropout_prob = read_number(object, "hidden_dropout_prob", 0.1, where);
  config.attention_probs_dropout_prob =
      read_number(object, "attention_probs_dropout_prob", 0.1, where);
  if (config.hidden_size % config.num_attention_heads != 0) {
    input_error(
        where, ": expected \"hidden_size\" to be a multiple of \"num_attention_heads\", but found ",
        config.hidden_size, " and ", config.num_attention_heads);
  }
  if (config.max_length() < 3) {
    input_error(where,
                ": expected \"max_position_embeddings\" to leave room for 3 tokens, but found ",
                config.max_position_embeddings);
  }
  return config;
}

}  // namespace madx

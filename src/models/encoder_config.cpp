#include "madx/models/encoder_config.h"

#include "core/json_text.h"
#include "madx/core/error.h"

namespace madx {
namespace {

using nlohmann::json;

/// The values of transformers' XLMRobertaConfig, RobertaConfig and BertConfig for keys that
/// config.json does not have: they are left out where they are the class's own.
EncoderConfig default_config(const std::string& model_type) {
  EncoderConfig config;
  config.model_type = model_type;
  config.vocab_size = model_type == "roberta" ? 50265 : 30522;
  config.hidden_size = 768;
  config.num_hidden_layers = 12;
  config.num_attention_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = 512;
  config.type_vocab_size = 2;
  config.pad_token_id = model_type == "bert" ? 0 : 1;
  config.layer_norm_eps = 1e-12;
  config.hidden_dropout_prob = 0.1;
  config.attention_probs_dropout_prob = 0.1;
  return config;
}

/// Reads a positive whole number over the default. Throws InputError for anything else, null too:
/// Python makes no model of it either.
void read_size(const json& object, const char* key, const std::string& where, int64_t& value) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  constexpr int64_t kLargest = int64_t{1} << 31;
  const bool fits = found->is_number_unsigned() && found->get<uint64_t>() >= 1 &&
                    found->get<uint64_t>() <= static_cast<uint64_t>(kLargest);
  if (!fits) {
    input_error(where, ": expected \"", key, "\" to be a positive whole number of at most ",
                kLargest, ", but found ", shown(*found), "; correct the value");
  }
  value = found->get<int64_t>();
}

void read_number(const json& object, const char* key, const std::string& where, double& value) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  if (!found->is_number() || !(found->get<double>() >= 0 && found->get<double>() < 1)) {
    input_error(where, ": expected \"", key, "\" to be a number in [0, 1), but found ",
                shown(*found), "; correct the value");
  }
  value = found->get<double>();
}

/// BERT's positions do not hang on the padding id, and null is no id.
void read_padding(const json& object, const std::string& where, EncoderConfig& config) {
  const auto found = object.find("pad_token_id");
  if (found == object.end() || (found->is_null() && config.model_type == "bert")) return;
  const bool fits = found->is_number_unsigned() &&
                    found->get<uint64_t>() < static_cast<uint64_t>(config.vocab_size);
  if (!fits) {
    input_error(where, ": expected \"pad_token_id\" to be an id below ", config.vocab_size,
                ", but found ", shown(*found), "; correct the value");
  }
  config.pad_token_id = found->get<int64_t>();
}

/// What Python takes for true.
bool is_true(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  return value.is_string() ? !value.get<std::string>().empty() : !value.empty();
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
  const auto refuse = [&](const char* key, const char* expected, const char* advice) {
    const auto found = object.find(key);
    if (found != object.end() && is_true(*found)) {
      input_error(where, ": expected \"", key, "\" to be ", expected, ", but found ", shown(*found),
                  "; ", advice);
    }
  };
  refuse("is_decoder", "false", "only encoders are supported, whose tokens see each other");
  refuse("add_cross_attention", "false", "only encoders without cross-attention are supported");
  refuse("pruned_heads", "empty", "encoders with pruned heads are not supported");
  refuse("quantization_config", "left out",
         "quantized weights are not supported; save the model in float32");
}

}  // namespace

EncoderConfig parse_encoder_config(const std::string& text, const std::string& where) {
  const auto object = parse_json(where, text);
  if (!object.is_object()) {
    input_error(where,
                ": expected a JSON object (Hugging Face's config.json), but found something else");
  }
  const auto model_type = object.value("model_type", json());
  if (model_type != "xlm-roberta" && model_type != "roberta" && model_type != "bert") {
    input_error(where, ": expected \"model_type\" to be \"xlm-roberta\" or \"bert\", but found ",
                shown(model_type));
  }
  refuse_other_encoders(object, where);
  auto config = default_config(model_type.get<std::string>());
  read_size(object, "vocab_size", where, config.vocab_size);
  read_size(object, "hidden_size", where, config.hidden_size);
  read_size(object, "num_hidden_layers", where, config.num_hidden_layers);
  read_size(object, "num_attention_heads", where, config.num_attention_heads);
  read_size(object, "intermediate_size", where, config.intermediate_size);
  read_size(object, "max_position_embeddings", where, config.max_position_embeddings);
  read_size(object, "type_vocab_size", where, config.type_vocab_size);
  read_padding(object, where, config);
  read_number(object, "layer_norm_eps", where, config.layer_norm_eps);
  read_number(object, "hidden_dropout_prob", where, config.hidden_dropout_prob);
  read_number(object, "attention_probs_dropout_prob", where, config.attention_probs_dropout_prob);
  if (!object.value("classifier_dropout", json()).is_null())
    read_number(object, "classifier_dropout", where, config.classifier_dropout.emplace(0));
  if (object.contains("tie_word_embeddings"))
    config.tie_word_embeddings = is_true(object["tie_word_embeddings"]);
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

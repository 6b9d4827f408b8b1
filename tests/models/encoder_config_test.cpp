#include "madx/models/encoder_config.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "../support.h"

namespace madx {
namespace encoder_config_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

/// What transformers' configuration classes give to keys that config.json does not have.
json python_defaults() {
  return json::parse(io::read_bytes(MADX_FIXTURES "/encoder_config/defaults.json"));
}

json as_json(const EncoderConfig& config) {
  return {
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.hidden_size},
      {"num_hidden_layers", config.num_hidden_layers},
      {"num_attention_heads", config.num_attention_heads},
      {"intermediate_size", config.intermediate_size},
      {"max_position_embeddings", config.max_position_embeddings},
      {"type_vocab_size", config.type_vocab_size},
      {"pad_token_id", config.pad_token_id},
      {"layer_norm_eps", config.layer_norm_eps},
      {"hidden_dropout_prob", config.hidden_dropout_prob},
      {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
      {"classifier_dropout", config.classifier_dropout ? json(*config.classifier_dropout) : json()},
      {"tie_word_embeddings", config.tie_word_embeddings}};
}

EncoderConfig parse(const json& config) {
  return parse_encoder_config(config.dump(), "config.json");
}

/// The message for a config.json of an XLM-R that has this value.
std::string error_of(const std::string& key, const json& value) {
  return input_error_of([&] { parse({{"model_type", "xlm-roberta"}, {key, value}}); });
}

TEST(EncoderConfigFile, HasPythonsDefaultsForEveryKeyThatItLacks) {
  const auto of_types = python_defaults();
  for (const auto& [type, defaults] : of_types.items()) {
    const auto found = as_json(parse({{"model_type", type}}));
    for (const auto& [key, value] : found.items()) {
      EXPECT_EQ(value, defaults.at(key)) << type << ": " << key;
    }
  }
}

TEST(EncoderConfigFile, TakesEveryKeyThatIsThere) {
  const json config = {{"model_type", "bert"},
                       {"vocab_size", 100},
                       {"hidden_size", 20},
                       {"num_hidden_layers", 3},
                       {"num_attention_heads", 5},
                       {"intermediate_size", 30},
                       {"max_position_embeddings", 40},
                       {"type_vocab_size", 3},
                       {"pad_token_id", 7},
                       {"layer_norm_eps", 1e-6},
                       {"hidden_dropout_prob", 0.2},
                       {"attention_probs_dropout_prob", 0.3},
                       {"classifier_dropout", 0.4},
                       {"tie_word_embeddings", false}};
  const auto read = as_json(parse(config));
  for (const auto& [key, value] : read.items()) EXPECT_EQ(value, config.at(key));
}

TEST(EncoderConfigFile, GivesHeadsTheClassifiersDropoutOrElseTheHiddenStates) {
  EXPECT_EQ(parse({{"model_type", "bert"}, {"hidden_dropout_prob", 0.2}}).head_dropout(), 0.2);
  EXPECT_EQ(parse({{"model_type", "bert"}, {"classifier_dropout", 0.3}}).head_dropout(), 0.3);
  EXPECT_EQ(parse({{"model_type", "bert"}, {"classifier_dropout", 0.0}}).head_dropout(), 0.0);
}

// Every key of transformers' classes is read, refused where it would change what is computed, or
// says nothing about it: lists of labels, what generation does, what forward returns.
TEST(EncoderConfigFile, KnowsEveryKeyOfPythonsClasses) {
  const std::set<std::string> refused = {"hidden_act", "position_embedding_type", "is_decoder",
                                         "add_cross_attention", "pruned_heads"};
  const std::set<std::string> harmless = {
      // How the same numbers are computed, returned, saved or initialised.
      "chunk_size_feed_forward", "dtype", "initializer_range", "output_attentions",
      "output_hidden_states", "return_dict", "tf_legacy_loss", "torchscript", "use_bfloat16",
      // Of heads, tokenizers and model hubs.
      "architectures", "finetuning_task", "id2label", "label2id", "problem_type",
      "task_specific_params", "tokenizer_class", "bos_token_id", "eos_token_id", "sep_token_id",
      "prefix",
      // Of decoders.
      "cross_attention_hidden_size", "decoder_start_token_id", "is_encoder_decoder",
      "tie_encoder_decoder", "use_cache",
      // Of generation.
      "bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
      "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_bos_token_id",
      "forced_eos_token_id", "length_penalty", "max_length", "min_length", "no_repeat_ngram_size",
      "num_beam_groups", "num_beams", "num_return_sequences", "output_scores",
      "remove_invalid_values", "repetition_penalty", "return_dict_in_generate", "suppress_tokens",
      "temperature", "top_k", "top_p", "typical_p"};
  const auto of_types = python_defaults();
  for (const auto& [type, defaults] : of_types.items()) {
    const auto read = as_json(parse({{"model_type", type}}));
    for (const auto& [key, value] : defaults.items()) {
      EXPECT_EQ(read.contains(key) + refused.count(key) + harmless.count(key), 1U) << key;
      if (key == "pad_token_id") continue;
      EXPECT_EQ(as_json(parse({{"model_type", type}, {key, value}})), read) << key;
    }
  }
}

TEST(EncoderConfigFile, RefusesByNameWhatItDoesNotCompute) {
  const std::pair<const char*, json> cases[] = {{"hidden_act", "gelu_new"},
                                                {"hidden_act", nullptr},
                                                {"is_decoder", true},
                                                {"add_cross_attention", true},
                                                {"pruned_heads", {{"0", {1}}}},
                                                {"position_embedding_type", "relative_key_query"},
                                                {"position_embedding_type", nullptr},
                                                {"quantization_config", {{"load_in_8bit", true}}}};
  for (const auto& [key, value] : cases) {
    EXPECT_THAT(error_of(key, value),
                AllOf(HasSubstr("config.json: expected \"" + std::string(key) + "\" to be "),
                      HasSubstr("but found " + value.dump())));
  }
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, json>>{{"is_decoder", nullptr},
                                                           {"is_decoder", false},
                                                           {"add_cross_attention", 0},
                                                           {"pruned_heads", json::object()},
                                                           {"quantization_config", nullptr},
                                                           {"torch_dtype", "float16"},
                                                           {"dtype", nullptr}}) {
    EXPECT_EQ(error_of(key, value), "") << key;
  }
}

TEST(EncoderConfigFile, RefusesNumbersThatAreNoSizes) {
  for (const auto* const key :
       {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
        "intermediate_size", "max_position_embeddings", "type_vocab_size", "pad_token_id"}) {
    for (const auto& value :
         {json(-1), json(2.5), json(12.0), json(1e300), json(UINT64_MAX), json(INT64_MAX),
          json("12"), json(true), json(nullptr), json::array({12})}) {
      EXPECT_THAT(error_of(key, value),
                  AllOf(HasSubstr("expected \"" + std::string(key) + "\" to be a"),
                        HasSubstr("but found " + value.dump())));
    }
  }
  for (const auto* const key :
       {"layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob"}) {
    for (const auto& value : {json(-1e-9), json(1), json(1e300), json("0.1"), json(nullptr)}) {
      EXPECT_THAT(error_of(key, value), HasSubstr("to be a number in [0, 1)"));
    }
  }
  for (const std::string number : {"NaN", "Infinity", "1e999"}) {
    const auto text = R"({"model_type": "bert", "layer_norm_eps": )" + number + "}";
    EXPECT_THAT(input_error_of([&] { parse_encoder_config(text, "config.json"); }),
                HasSubstr("config.json: expected JSON"));
  }
}

TEST(EncoderConfigFile, TakesNullAsPythonDoes) {
  EXPECT_EQ(parse({{"model_type", "bert"}, {"pad_token_id", nullptr}}).pad_token_id, 0);
  EXPECT_THAT(error_of("pad_token_id", nullptr), HasSubstr("\"pad_token_id\" to be an id"));
  EXPECT_FALSE(
      parse({{"model_type", "bert"}, {"tie_word_embeddings", nullptr}}).tie_word_embeddings);
}

}  // namespace encoder_config_test
}  // namespace madx

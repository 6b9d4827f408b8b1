#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace madx {

/// The shape of an encoder: the keys of Hugging Face's config.json that XLM-R and BERT share, same
/// names.
struct EncoderConfig {
  std::string model_type = "xlm-roberta";  ///< or "roberta", "bert"
  int64_t vocab_size = 0;                  ///< rows of the word embedding
  int64_t hidden_size = 0;                 ///< of a token's state
  int64_t num_hidden_layers = 0;           ///< layers
  int64_t num_attention_heads = 0;         ///< heads of a layer; hidden_size is a multiple of it
  int64_t intermediate_size = 0;           ///< inner size of the feed-forward block
  int64_t max_position_embeddings = 0;     ///< rows of the position embedding
  int64_t type_vocab_size = 1;             ///< rows of the type embedding
  int64_t pad_token_id = 1;                ///< XLM-R counts positions from it on
  double layer_norm_eps = 1e-5;            ///< of every LayerNorm
  double hidden_dropout_prob = 0.1;        ///< of embeddings and sub-layers' outputs, in training
  double attention_probs_dropout_prob = 0.1;  ///< of attention weights, in training
  std::optional<double> classifier_dropout;  ///< of heads, in training; hidden_dropout_prob if none
  bool tie_word_embeddings = true;  ///< whether masked LM's output layer is the input embedding

  /// The position of a sequence's first token: RoBERTa counts from the padding id on, BERT from 0.
  int64_t first_position() const { return model_type == "bert" ? 0 : pad_token_id + 1; }
  /// Dropout of a head whose own configuration says nothing.
  double head_dropout() const { return classifier_dropout.value_or(hidden_dropout_prob); }
  /// The longest sequence, special tokens included.
  int64_t max_length() const { return max_position_embeddings - first_position(); }
  /// The key of masked LM's output layer, where a checkpoint has one of its own.
  const char* output_layer_key() const {
    return model_type == "bert" ? "cls.predictions.decoder.weight" : "lm_head.decoder.weight";
  }
};

/// Parses config.json. `where` names the file in messages. A key that it lacks has the value of
/// transformers' configuration class. Throws InputError naming key, expected and found, also for
/// what would change the encoder's equations and is not computed.
EncoderConfig parse_encoder_config(const std::string& json, const std::string& where);

}  // namespace madx

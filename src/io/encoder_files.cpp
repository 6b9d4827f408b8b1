#include "madx/io/encoder_files.h"

#include "encoder_weights.h"
#include "io/checkpoint_weights.h"
#include "io/encoder_archive.h"
#include "io/json_file.h"
#include "madx/io/encoder_names.h"
#include "madx/io/mapped_file.h"
#include "madx/io/safetensors.h"
#include "madx/io/write_file.h"

namespace madx::io {

namespace {

/// config.json for weights in float32. It is left as it is where it says nothing else.
std::string config_of_saved(const EncoderParts& parts) {
  auto config = nlohmann::ordered_json::parse(parts.config_json);
  bool changed = false;
  for (const char* const key : {"torch_dtype", "dtype"}) {
    if (!config.contains(key) || config[key].is_null() || config[key] == "float32") continue;
    config[key] = "float32";
    changed = true;
  }
  // An archive's own layer may differ from the input embedding whatever the file says.
  if (parts.config.tie_word_embeddings && parts.weights.contains(parts.config.output_layer_key())) {
    config["tie_word_embeddings"] = false;
    changed = true;
  }
  return changed ? python_ordered_json(parts.where, config) : parts.config_json;
}

EncoderOrigin origin_of(const EncoderParts& parts) {
  EncoderOrigin origin;
  origin.config_json = config_of_saved(parts);
  origin.tokenizer = read_tokenizer_file(parts);
  for (const auto& item : parts.weights) {
    if (is_head_weight(item.key())) origin.head.insert(item.key(), item.value());
  }
  return origin;
}

/// What was copied of a mapped file leaves memory. Nobody can have written to it yet.
void forget_copied(const at::Tensor& weight) {
  if (weight.is_contiguous()) forget_pages(weight.const_data_ptr(), weight.nbytes());
}

}  // namespace

LoadedEncoder load_parts(EncoderParts parts, const std::string& path,
                         const LoadEncoderOptions& options) {
  LoadedEncoder loaded;
  loaded.tokenizer = make_tokenizer(parts, path);
  loaded.head = find_head(parts);
  loaded.origin = std::make_shared<const EncoderOrigin>(origin_of(parts));
  if (parts.archive) {
    loaded.encoder = make_encoder(parts.config, parts.weights, parts.where);
    const auto compared = compare_with_archive(*parts.archive, loaded, parts.where);
    loaded.archive_difference = compared.difference;
    loaded.archive_type = compared.type;
  }
  loaded.archive_as_data = parts.torchscript && !parts.archive;
  if (!parts.archive || options.form() != WeightForm::kFloat32)
    loaded.encoder =
        make_encoder(parts.config, parts.weights, parts.where, options.form(), forget_copied);
  return loaded;
}

LoadedEncoder load_encoder(const std::string& path, const LoadEncoderOptions& options) {
  return load_parts(open_encoder(path, options.weights_only()), path, options);
}

namespace {

/// config.json of a model that has a masked-LM head. It is left as it is where it says so.
std::string config_with_head(const Encoder& encoder, const EncoderOrigin& origin,
                             const std::string& where) {
  auto config = nlohmann::ordered_json::parse(origin.config_json);
  const auto before = config;
  const auto& type = encoder->config().model_type;
  const std::string family = type == "bert" ? "Bert" : type == "roberta" ? "Roberta" : "XLMRoberta";
  config["architectures"] = nlohmann::ordered_json::array({family + "ForMaskedLM"});
  if (encoder->config().tie_word_embeddings == encoder->has_own_output())
    config["tie_word_embeddings"] = !encoder->has_own_output();
  return config == before ? origin.config_json : python_ordered_json(where, config);
}

/// `head`: of masked LM, by Hugging Face's names.
void write_encoder(const Encoder& encoder, const TensorMap& head, const std::string& config_json,
                   const TokenizerFile& tokenizer, const std::string& directory) {
  const std::string prefix = encoder->config().model_type == "bert" ? "bert." : "roberta.";
  TensorMap weights;
  for (const auto& item : hugging_face_weights(encoder))
    weights.insert(prefix + item.key(), item.value().detach().cpu().contiguous());
  for (const auto& item : head)
    weights.insert(item.key(), item.value().detach().cpu().contiguous());
  write_safetensors(directory + "/model.safetensors", weights, {{"format", "pt"}});
  write_file(directory + "/config.json", config_json);
  for (const auto& [name, bytes] : tokenizer.all()) write_file(directory + "/" + name, bytes);
}

}  // namespace

void save_encoder(const Encoder& encoder, const EncoderOrigin& origin,
                  const std::string& directory) {
  write_encoder(encoder, origin.head, origin.config_json, origin.tokenizer, directory);
}

void save_encoder(const Encoder& encoder, const MlmHead& head, const EncoderOrigin& origin,
                  const std::string& directory) {
  write_encoder(encoder, hugging_face_weights(head, encoder),
                config_with_head(encoder, origin, directory + "/config.json"), origin.tokenizer,
                directory);
}

}  // namespace madx::io

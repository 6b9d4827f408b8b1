#include "encoder_weights.h"

#include <filesystem>
#include <set>

#include "io/adapterhub_files.h"
#include "io/checkpoint_weights.h"
#include "io/torchscript_file.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/io/encoder_names.h"
#include "madx/io/safetensors.h"
#include "madx/io/torch_file.h"

namespace madx::io {
namespace fs = std::filesystem;

namespace {

constexpr auto kConfig = "config.json";
constexpr auto kArchive = "encoder.pt";
constexpr auto kSafetensors = "model.safetensors";
constexpr auto kPickled = "pytorch_model.bin";

/// TorchScript's reader reports damage through exceptions of several kinds, with a stack trace in
/// their text.
torch::jit::Module load_archive(const std::string& path, torch::jit::ExtraFilesMap& extra_files) {
  try {
    return torch::jit::load(path, at::kCPU, extra_files);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    input_error(path, ": expected a TorchScript archive, but it cannot be read (",
                text.substr(0, text.find('\n')), "); is the file complete?");
  } catch (const std::exception&) {
    input_error(path,
                ": expected a TorchScript archive, but it cannot be read; is the file complete?");
  }
}

TensorMap tensors_of(const torch::jit::Module& archive) {
  TensorMap tensors;
  for (const auto& item : archive.named_parameters()) tensors.insert(item.name, item.value);
  for (const auto& item : archive.named_buffers()) {
    if (!tensors.contains(item.name)) tensors.insert(item.name, item.value);
  }
  return tensors;
}

/// The tensors and extra files of the archive at `parts.where`, as data.
TensorMap read_archive_as_data(EncoderParts& parts) {
  std::set<std::string> names;
  for (const auto& [name, bytes] : parts.extra_files) names.insert(name);
  auto file = read_torchscript_file(parts.where, names);
  for (auto& [name, bytes] : file.extra_files) parts.extra_files[name] = std::move(bytes);
  return std::move(file.tensors);
}

/// The tensors of the archive at `parts.where`, which is opened unless it is data.
TensorMap read_archive(EncoderParts& parts, bool weights_only) {
  parts.torchscript = true;
  if (!weights_only) parts.archive = load_archive(parts.where, parts.extra_files);
  auto tensors = parts.archive ? tensors_of(*parts.archive) : read_archive_as_data(parts);
  if (tensors.is_empty()) {
    input_error(parts.where,
                ": expected an archive with weights, but found none: torch.jit.freeze, or "
                "optimize_for_inference, has made them part of its program; save it without");
  }
  return tensors;
}

/// The file of weights in a directory. Throws InputError where there is none, saying what the
/// directory holds instead.
fs::path find_weights(const std::string& directory) {
  for (const auto* name : {kArchive, kSafetensors, kPickled}) {
    const auto file = fs::path(directory) / name;
    if (fs::exists(file)) return file;
  }
  for (const std::string name : {kSafetensors, kPickled}) {
    const auto index = fs::path(directory) / (name + ".index.json");
    if (!fs::exists(index)) continue;
    input_error(index.string(), ": expected the weights in one file, but found them in several; ",
                "save the model with max_shard_size=\"100GB\", or use tools/export_xlmr.py");
  }
  const bool has_config = fs::exists(fs::path(directory) / kConfig);
  const auto what = has_config ? "config.json without weights" : describe_directory(directory);
  input_error(directory,
              ": expected encoder.pt (TorchScript) or model.safetensors (Hugging Face) in this "
              "directory, but found ",
              what.empty() ? "neither" : what, "; tools/export_xlmr.py makes one");
}

}  // namespace

EncoderParts open_encoder(const std::string& path, bool weights_only) {
  if (!fs::exists(path)) {
    input_error(path,
                ": expected an encoder's directory or .pt file, but there is none; check the path");
  }
  const bool whole = !fs::is_directory(path);
  const fs::path directory = whole ? fs::path(path).parent_path() : fs::path(path);
  EncoderParts parts;
  parts.directory = directory.empty() ? "." : directory.string();
  parts.extra_files = {{kConfig, ""}};
  for (const auto& name : tokenizer_file_names()) parts.extra_files[name] = "";
  const auto file = whole ? fs::path(path) : find_weights(parts.directory);
  parts.where = file.string();
  const auto tensors = whole || file.filename() == kArchive ? read_archive(parts, weights_only)
                       : file.extension() == ".safetensors" ? read_safetensors(parts.where)
                                                            : read_torch_file(parts.where);
  const auto& inside = parts.extra_files[kConfig];
  const auto beside = (fs::path(parts.directory) / kConfig).string();
  parts.config_json = inside.empty() ? read_bytes(beside) : inside;
  parts.config = parse_encoder_config(
      parts.config_json, inside.empty() ? beside : parts.where + " (extra file config.json)");
  parts.weights = checkpoint_weights(tensors, parts.where);
  settle_output_layer(parts.weights, parts.config, parts.torchscript, parts.where);
  return parts;
}

TokenizerFile read_tokenizer_file(const EncoderParts& parts) {
  const auto read = [&](const std::string& name) {
    const auto& bytes = parts.extra_files.at(name);
    return bytes.empty() ? std::nullopt : std::optional(bytes);
  };
  const auto inside = find_tokenizer_file(read, parts.where);
  return inside ? *inside : madx::read_tokenizer_file(parts.directory);
}

std::shared_ptr<const Tokenizer> make_tokenizer(const EncoderParts& parts,
                                                const std::string& path) {
  const auto file = read_tokenizer_file(parts);
  auto tokenizer = madx::make_tokenizer(file, path);
  if (tokenizer->vocab_size() > parts.config.vocab_size) {
    std::string names;
    for (const auto& [name, bytes] : file.all()) names += (names.empty() ? "" : " with ") + name;
    input_error(path, ": expected a tokenizer of at most ", parts.config.vocab_size,
                " ids, the encoder's vocabulary, but ", names, " has ", tokenizer->vocab_size(),
                "; tokenizer and weights are not of one model");
  }
  // transformers counts XLM-R's positions by this id.
  if (parts.config.first_position() > 0 && tokenizer->special().pad != parts.config.pad_token_id) {
    input_error(path, ": expected \"pad_token_id\" in config.json to be the tokenizer's, ",
                tokenizer->special().pad, ", but found ", parts.config.pad_token_id,
                "; tokenizer and config.json are not of one model");
  }
  return tokenizer;
}

MlmHead find_head(const EncoderParts& parts) {
  const auto names = mlm_head_names(parts.config);
  if (!parts.weights.contains(names.dense + ".weight")) return MlmHead(nullptr);
  const auto read = [&](const std::string& key, at::IntArrayRef shape) {
    return find_weight(parts.weights, parts.where, key, shape);
  };
  // The tied output embedding first: nothing is made of sizes that config.json alone says.
  read("embeddings.word_embeddings.weight", {parts.config.vocab_size, parts.config.hidden_size});
  MlmHead head(MlmHeadOptions(parts.config.hidden_size, parts.config.vocab_size)
                   .layer_norm_eps(parts.config.layer_norm_eps));
  torch::NoGradGuard no_grad;
  const auto copy = [&](at::Tensor target, const std::string& key) {
    target.copy_(read(key, target.sizes()));
  };
  copy(head->dense->weight, names.dense + ".weight");
  copy(head->dense->bias, names.dense + ".bias");
  copy(head->norm->weight, names.norm + ".weight");
  copy(head->norm->bias, names.norm + ".bias");
  // Where both are there and differ, Python's RoBERTa takes the decoder's, its BERT the other.
  const bool bert = parts.config.model_type == "bert";
  const auto &first = bert ? names.bias : names.decoder_bias,
             &second = bert ? names.decoder_bias : names.bias;
  copy(head->bias, parts.weights.contains(first) ? first : second);
  for (auto& weight : head->parameters()) weight.requires_grad_(false);
  head->eval();
  return head;
}

}  // namespace madx::io

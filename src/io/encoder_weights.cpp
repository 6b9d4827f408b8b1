#include "encoder_weights.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "madx/core/error.h"
#include "madx/io/safetensors.h"

namespace madx::io {
namespace fs = std::filesystem;

namespace {

constexpr auto kConfig = "config.json";

/// Hugging Face's name without the model's prefix. BERT's first checkpoints, mBERT among them, call
/// the weight and bias of a LayerNorm gamma and beta.
std::string canonical_name(std::string name) {
  for (const std::string prefix : {"roberta.", "bert."}) {
    if (name.compare(0, prefix.size(), prefix) == 0) name.erase(0, prefix.size());
  }
  const auto rename_end = [&](const std::string& old, const std::string& fresh) {
    if (name.size() < old.size()) return;
    const auto end = name.size() - old.size();
    if (name.compare(end, old.size(), old) == 0) name.replace(end, old.size(), fresh);
  };
  rename_end("LayerNorm.gamma", "LayerNorm.weight");
  rename_end("LayerNorm.beta", "LayerNorm.bias");
  return name;
}

void insert_weight(TensorMap& weights, const std::string& name, const at::Tensor& tensor) {
  const auto key = canonical_name(name);
  if (!weights.contains(key)) weights.insert(key, tensor.detach());
}

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

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) {
    input_error(path, ": expected a readable file, but it cannot be opened; check the path");
  }
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

EncoderParts open_encoder(const std::string& path) {
  if (!fs::exists(path)) {
    input_error(path,
                ": expected an encoder's directory or .pt file, but there is none; check the path");
  }
  const bool whole = !fs::is_directory(path);
  const fs::path directory = whole ? fs::path(path).parent_path() : fs::path(path);
  const auto archive = whole ? fs::path(path) : directory / "encoder.pt";
  const auto checkpoint = directory / "model.safetensors";
  EncoderParts parts;
  parts.directory = directory.empty() ? "." : directory.string();
  parts.extra_files = {{kConfig, ""}};
  for (const auto& name : tokenizer_file_names()) parts.extra_files[name] = "";
  if (fs::exists(archive)) {
    parts.where = archive.string();
    parts.archive = load_archive(parts.where, parts.extra_files);
    for (const auto& item : parts.archive->named_parameters())
      insert_weight(parts.weights, item.name, item.value);
    for (const auto& item : parts.archive->named_buffers())
      insert_weight(parts.weights, item.name, item.value);
  } else if (fs::exists(checkpoint)) {
    parts.where = checkpoint.string();
    for (const auto& item : read_safetensors(parts.where))
      insert_weight(parts.weights, item.key(), item.value());
  } else {
    input_error(path,
                ": expected encoder.pt (TorchScript) or model.safetensors (Hugging Face) in this "
                "directory, but found neither; tools/export_xlmr.py makes one");
  }
  const auto& inside = parts.extra_files[kConfig];
  const auto beside = (fs::path(parts.directory) / kConfig).string();
  parts.config_json = inside.empty() ? read_file(beside) : inside;
  parts.config = parse_encoder_config(
      parts.config_json, inside.empty() ? beside : parts.where + " (extra file config.json)");
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
  return tokenizer;
}

MlmHead find_head(const EncoderParts& parts) {
  const bool bert = parts.config.model_type == "bert";
  const std::string transform = bert ? "cls.predictions.transform." : "lm_head.";
  const std::string norm = transform + (bert ? "LayerNorm" : "layer_norm");
  const std::string bias = bert ? "cls.predictions.bias" : "lm_head.bias";
  const std::string decoder_bias = bert ? "cls.predictions.decoder.bias" : "lm_head.decoder.bias";
  if (!parts.weights.contains(transform + "dense.weight")) return MlmHead(nullptr);
  const detail::WeightReader read(parts.weights, parts.where);
  // The tied output embedding first: nothing is made of sizes that config.json alone says.
  read("embeddings.word_embeddings.weight", {parts.config.vocab_size, parts.config.hidden_size});
  MlmHead head(MlmHeadOptions(parts.config.hidden_size, parts.config.vocab_size)
                   .layer_norm_eps(parts.config.layer_norm_eps));
  torch::NoGradGuard no_grad;
  const auto copy = [&](at::Tensor target, const std::string& key) {
    target.copy_(read(key, target.sizes()));
  };
  copy(head->dense->weight, transform + "dense.weight");
  copy(head->dense->bias, transform + "dense.bias");
  copy(head->norm->weight, norm + ".weight");
  copy(head->norm->bias, norm + ".bias");
  copy(head->bias, parts.weights.contains(bias) ? bias : decoder_bias);
  for (auto& weight : head->parameters()) weight.requires_grad_(false);
  head->eval();
  return head;
}

}  // namespace madx::io

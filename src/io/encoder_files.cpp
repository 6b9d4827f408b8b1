#include "madx/io/encoder_files.h"

#include <algorithm>

#include "encoder_weights.h"
#include "madx/core/error.h"
#include "madx/io/safetensors.h"
#include "madx/io/write_file.h"

namespace madx::io {

namespace {

/// The largest difference that rounding explains, relative to values above 1.
constexpr double kArchiveTolerance = 1e-4;

/// The first tensor of three dimensions in what an archive's forward returned: a tensor, a tuple,
/// or a dict.
at::Tensor find_output(const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor().dim() == 3 ? value.toTensor() : at::Tensor();
  if (value.isTuple()) {
    for (const auto& element : value.toTupleRef().elements()) {
      if (const auto found = find_output(element); found.defined()) return found;
    }
  }
  if (value.isGenericDict()) {
    for (const auto& item : value.toGenericDict()) {
      if (const auto found = find_output(item.value()); found.defined()) return found;
    }
  }
  return {};
}

/// Two sequences of different lengths, so that padding and positions take part.
struct Probe {
  at::Tensor input_ids;       // (2, length)
  at::Tensor attention_mask;  // (2, length)
  PackedBatch packed;
};

Probe make_probe(const EncoderConfig& config) {
  const auto length = std::min<int64_t>(9, config.max_length()), shorter = (length + 1) / 2;
  std::vector<std::vector<int64_t>> sequences(2);
  for (int64_t i = 0; i < length + shorter; ++i) {
    const auto id = 3 + (i * 7919) % (config.vocab_size - 3);
    sequences[i < length ? 0 : 1].push_back(id == config.pad_token_id ? id - 1 : id);
  }
  Probe probe;
  probe.packed = pack(sequences);
  probe.input_ids = at::full({2, length}, config.pad_token_id, at::kLong);
  probe.attention_mask = at::zeros({2, length}, at::kLong);
  for (int64_t row = 0; row < 2; ++row) {
    const auto size = static_cast<int64_t>(sequences[row].size());
    probe.input_ids[row].narrow(0, 0, size).copy_(at::tensor(sequences[row], at::kLong));
    probe.attention_mask[row].narrow(0, 0, size).fill_(1);
  }
  return probe;
}

/// Runs the archive's own forward, whose further arguments (token types, ...) get zeros of the same
/// shape.
at::Tensor run_archive(torch::jit::Module& archive, const Probe& probe, const std::string& where) {
  archive.eval();
  std::vector<c10::IValue> inputs;
  const auto arguments =
      archive.get_method("forward").function().getSchema().arguments().size() - 1;
  for (size_t i = 0; i < arguments; ++i) {
    inputs.emplace_back(i == 0   ? probe.input_ids
                        : i == 1 ? probe.attention_mask
                                 : at::zeros_like(probe.input_ids));
  }
  at::Tensor output;
  try {
    output = find_output(archive.forward(inputs));
  } catch (const std::exception& error) {
    const std::string text = error.what();
    input_error(where, ": the archive's own forward(input_ids, attention_mask) failed (",
                text.substr(0, text.find('\n')), "); export it again with tools/export_xlmr.py");
  }
  if (!output.defined() || output.sizes().slice(0, 2) != probe.input_ids.sizes()) {
    input_error(
        where,
        ": expected the archive's forward to return hidden states or logits (batch, length, "
        "size), but it returned no such tensor; export it again with tools/export_xlmr.py");
  }
  return output;
}

/// Runs both and compares at the tokens that are no padding. Returns the largest difference.
double compare_with_archive(torch::jit::Module& archive, const LoadedEncoder& loaded,
                            const std::string& where) {
  torch::NoGradGuard no_grad;
  const auto& config = loaded.encoder->config();
  const auto probe = make_probe(config);
  const auto output = run_archive(archive, probe, where);
  auto theirs = output.index({probe.attention_mask.to(at::kBool)}).to(at::kFloat);  // (rows, size)
  auto ours = loaded.encoder->forward(probe.packed).to(at::kFloat);  // (rows, hidden)
  if (theirs.size(-1) != config.hidden_size) {
    if (loaded.head.is_empty() || theirs.size(-1) != config.vocab_size) {
      input_error(where, ": expected the archive's forward to return hidden states of size ",
                  config.hidden_size, " or masked-LM logits of size ", config.vocab_size,
                  ", but it returned size ", theirs.size(-1));
    }
    auto head = loaded.head;
    ours = head->logits(ours, loaded.encoder->word_embeddings(), nullptr);
  }
  const auto difference = ((ours - theirs).abs() / theirs.abs().clamp_min(1)).max().item<double>();
  if (!(difference <= kArchiveTolerance)) {
    input_error(where,
                ": the archive's own forward and the encoder that config.json describes differ by ",
                difference, " on a small batch (at most ", kArchiveTolerance,
                " is accepted); config.json does not fit these weights");
  }
  return difference;
}

}  // namespace

LoadedEncoder load_encoder(const std::string& path, WeightForm form) {
  auto parts = open_encoder(path);
  LoadedEncoder loaded;
  loaded.tokenizer = make_tokenizer(parts, path);
  loaded.head = find_head(parts);
  if (parts.archive) {
    loaded.encoder = Encoder(parts.config, parts.weights, parts.where);
    loaded.archive_difference = compare_with_archive(*parts.archive, loaded, parts.where);
  }
  if (!parts.archive || form != WeightForm::kFloat32)
    loaded.encoder = Encoder(parts.config, parts.weights, parts.where, form);
  return loaded;
}

void save_encoder(const Encoder& encoder, const std::string& like, const std::string& directory) {
  const auto parts = open_encoder(like);
  const auto tokenizer = read_tokenizer_file(parts);
  const std::string prefix = parts.config.model_type == "bert" ? "bert." : "roberta.";
  TensorMap weights;
  for (const auto& item : encoder->named_weights()) {
    weights.insert(prefix + item.key(), item.value().detach().cpu().contiguous());
  }
  write_safetensors(directory + "/model.safetensors", weights, {{"format", "pt"}});
  write_file(directory + "/config.json", parts.config_json);
  for (const auto& [name, bytes] : tokenizer.all()) write_file(directory + "/" + name, bytes);
}

}  // namespace madx::io

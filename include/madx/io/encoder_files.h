#pragma once

#include <memory>
#include <optional>
#include <string>

#include "madx/core/tensor_map.h"
#include "madx/data/tokenizer.h"
#include "madx/models/encoder.h"
#include "madx/models/mlm_head.h"

namespace madx::io {

/// What a checkpoint holds beside its encoder's weights: what it takes to save the encoder again
/// when its weights have changed, and its files may be gone.
struct EncoderOrigin {
  std::string config_json;  ///< the content of config.json
  TokenizerFile tokenizer;  ///< as it was stored
  TensorMap head;  ///< of masked LM, an output layer of its own among it; empty where there is none
};

/// An encoder as it comes from disk, with what stands beside it.
struct LoadedEncoder {
  Encoder encoder{nullptr};  ///< frozen, in evaluation mode
  /// The pretrained masked-LM head; empty where the checkpoint has none.
  MlmHead head{nullptr};
  std::shared_ptr<const Tokenizer> tokenizer;   ///< of the same files
  std::shared_ptr<const EncoderOrigin> origin;  ///< to write the encoder's files again
  /// TorchScript: the largest difference between the archive's own forward and the native layers on
  /// one small batch.
  std::optional<double> archive_difference;
  /// TorchScript: the type in which the archive computes. Its weights are float32 here; in a
  /// coarser one, more difference is rounding.
  at::ScalarType archive_type = at::kFloat;
  /// TorchScript: its weights alone were read, so that nothing was compared.
  bool archive_as_data = false;
};

/// How load_encoder reads.
struct LoadEncoderOptions {
  /// A form alone is options enough.
  LoadEncoderOptions(WeightForm form = WeightForm::kFloat32) : form_(form) {}  // NOLINT: implicit

  /// How the encoder keeps its weights.
  TORCH_ARG(WeightForm, form);

  /// TorchScript: the archive is data. Its weights, config and tokenizer are read by readers of our
  /// own; its program, which may do anything, is neither run nor loaded, and its forward is not
  /// compared with the native layers. Weights are the same bits either way. Files of other kinds
  /// hold no program, and are read as ever.
  TORCH_ARG(bool, weights_only) = false;
};

/// Loads `path`: a directory with config.json, a tokenizer, and encoder.pt (TorchScript),
/// model.safetensors or pytorch_model.bin (Hugging Face); or a single .pt file that carries config
/// and tokenizer as extra files (or has them beside it). Weights of any floating type become
/// float32, those of `form` apart. A TorchScript archive gives its weights; the native layers are
/// what runs, after both have run one small batch (unless `weights_only`). Throws InputError when a
/// file is missing, damaged, of another shape than config.json says, when a weight is of no
/// floating type, or when the archive's forward and the native layers differ by more than 1e-4
/// (relative to values above 1; 0.02 where the archive computes in float16, 0.15 in bfloat16); and
/// where Encoder refuses to keep its weights in `form`.
LoadedEncoder load_encoder(const std::string& path, const LoadEncoderOptions& options = {});

/// Writes an encoder whose weights have changed (full fine-tuning) as a Hugging Face directory;
/// config, tokenizer and masked-LM head, with an output layer of its own where there is one, are
/// those that it was loaded with. `directory` must exist.
void save_encoder(const Encoder& encoder, const EncoderOrigin& origin,
                  const std::string& directory);

/// The same with this masked-LM head in place of the one that the encoder was loaded with, or of
/// none, and with the encoder's output layer as it is now: what Python's
/// `AutoModelForMaskedLM.from_pretrained(directory)` loads without a key missing. config.json names
/// that class, and says whether the output layer is tied.
void save_encoder(const Encoder& encoder, const MlmHead& head, const EncoderOrigin& origin,
                  const std::string& directory);

/// Writes `directory` (as for load_encoder) as one TorchScript file: parameters under Hugging
/// Face's names, a `forward` (input_ids, attention_mask) -> last hidden state, config and tokenizer
/// as extra files. A masked-LM head goes along. `weights_only`: as for load_encoder. Returns what
/// load_encoder gives of the new file: that happens before the file takes its name, so that where
/// it throws, what stood at `path` is as it was.
LoadedEncoder export_encoder(const std::string& directory, const std::string& path,
                             bool weights_only = false);

}  // namespace madx::io

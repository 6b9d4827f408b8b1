#pragma once

#include <torch/script.h>

#include <optional>
#include <string>

#include "madx/core/tensor_map.h"
#include "madx/data/tokenizer.h"
#include "madx/io/encoder_files.h"
#include "madx/models/encoder.h"
#include "madx/models/mlm_head.h"

namespace madx::io {

/// The parts of an encoder on disk, opened but not yet a model.
struct EncoderParts {
  std::string where;      ///< the weights' file, for messages
  std::string directory;  ///< that it lies in
  std::string config_json;
  EncoderConfig config;
  TensorMap weights;  ///< of encoder and masked-LM head: float32, by Hugging Face's names without
                      ///< `roberta.`, `bert.`, ...; an output layer where it is not tied
  bool torchscript = false;  ///< the weights' file is an archive
  std::optional<torch::jit::Module>
      archive;                            ///< it, as a program; not where weights alone are read
  torch::jit::ExtraFilesMap extra_files;  ///< of the archive; empty where it lacks one
};

/// `weights_only`: a TorchScript archive is data, whose program is never loaded.
EncoderParts open_encoder(const std::string& path, bool weights_only = false);

/// The tokenizer: from the archive where it has one, else from the directory.
TokenizerFile read_tokenizer_file(const EncoderParts& parts);

/// Makes it. `path` is the encoder's, for messages. Throws InputError when it has more ids than the
/// encoder embeds.
std::shared_ptr<const Tokenizer> make_tokenizer(const EncoderParts& parts, const std::string& path);

/// What load_encoder gives of them. `path` is the encoder's, for messages.
LoadedEncoder load_parts(EncoderParts parts, const std::string& path,
                         const LoadEncoderOptions& options = {});

/// The masked-LM head among the weights, or an empty holder. Throws InputError when it is there in
/// part.
MlmHead find_head(const EncoderParts& parts);

}  // namespace madx::io

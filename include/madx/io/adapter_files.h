#pragma once

#include <string>

#include "madx/adapters/adapter_stack.h"
#include "madx/io/adapterhub.h"
#include "madx/models/classification_head.h"
#include "madx/models/encoder_config.h"
#include "madx/models/mlm_head.h"
#include "madx/models/tagging_head.h"

namespace madx::io {

/// Loads an AdapterHub directory into the bank, under `name` or, when it is empty, under the
/// directory's own name. Layers in `leave_out` have no adapter, beside those that the directory
/// leaves out itself. Frozen until asked for (AdapterStack::train_adapter). Returns the name.
/// Throws InputError when the adapter is of another hidden size than the encoder, a tensor is
/// missing, of another shape, or has no place in the configuration; c10::Error, as
/// AdapterStack::add does, for a name that the bank has already or that has a dot in it.
std::string load_adapter(AdapterStack& adapters, const std::string& directory,
                         const std::string& name = "", const std::vector<int64_t>& leave_out = {});

/// Writes a set of the bank as an AdapterHub directory that Python's
/// `model.load_adapter(directory)` reads. `directory` must exist. `model` says whose adapter it is.
/// Throws c10::Error for a name that the bank lacks, InputError for a tensor type that the format
/// has no word for, MachineError when writing fails; `save_*_head` throw the last two.
void save_adapter(const AdapterStack& adapters, const std::string& name, const ModelInfo& model,
                  const std::string& directory, TensorFormat format = TensorFormat::kTorch);

/// The keys that name an encoder of this shape in AdapterHub's files.
ModelInfo model_info(const EncoderConfig& config);

/// A tagging head and its labels. Its dropout is the directory's or, where that has none,
/// `default_dropout`: pass EncoderConfig::head_dropout() to train on as Python does. Throws
/// InputError when the directory holds another kind of head.
TaggingHead load_tagging_head(const std::string& directory, double default_dropout = 0.1);
/// Writes the head as an AdapterHub directory. `directory` must exist.
void save_tagging_head(const TaggingHead& head, const std::string& name, const ModelInfo& model,
                       const std::string& directory, TensorFormat format = TensorFormat::kTorch);

/// A sequence classification head (AdapterHub's, of two layers) and its labels, dropout as above.
/// Throws InputError when the directory holds another kind of head.
ClassificationHead load_classification_head(const std::string& directory,
                                            double default_dropout = 0.1);
/// The same for this head.
void save_classification_head(const ClassificationHead& head, const std::string& name,
                              const ModelInfo& model, const std::string& directory,
                              TensorFormat format = TensorFormat::kTorch);

/// A masked-LM head without the tied output embedding. Throws InputError when the directory holds
/// another kind of head, or one that is not of the encoder's shape, which `config` tells.
MlmHead load_mlm_head(const std::string& directory, const EncoderConfig& config);
/// The same for this head; the output embedding is never written.
void save_mlm_head(const MlmHead& head, const std::string& name, const ModelInfo& model,
                   const std::string& directory, TensorFormat format = TensorFormat::kTorch);

}  // namespace madx::io

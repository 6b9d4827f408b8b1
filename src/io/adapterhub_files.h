#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "io/json_file.h"
#include "madx/io/adapterhub.h"

namespace madx::io {

/// What the JSON files of adapters and heads have in common: the encoder they belong to.
ModelInfo read_model_info(const JsonObject& file);

/// Writes a JSON file as `adapters` 1.3.0 does: encoder, name and version around `config`.
void write_adapterhub_json(const std::string& path, const ModelInfo& model, const std::string& name,
                           const nlohmann::json& config);

/// Throws InputError, naming `directory` and what was looked for, when it is no directory.
void check_directory(const std::string& directory);

/// The tensors of `bin_name` (torch.save) or, where there is no such file, of `safetensors_name`:
/// the one that AdapterHub itself reads by default comes first.
TensorMap read_weights(const std::string& directory, const std::string& bin_name,
                       const std::string& safetensors_name);

/// What the keys of an encoder's tensors begin with: "roberta." or "bert.".
/// Throws InputError for an encoder of another type than xlm-roberta, roberta and bert.
std::string model_prefix(const ModelInfo& model);

}  // namespace madx::io

#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "io/json_file.h"
#include "madx/io/adapterhub.h"

namespace madx::io {

/// What the JSON files of adapters and heads have in common: the encoder they belong to.
ModelInfo read_model_info(const JsonObject& file);

/// The version that files of today carry.
constexpr const char* kVersion = "adapters.1.3.0";

/// Writes a JSON file as `adapters` 1.3.0 does: encoder, name and version around `config`, and
/// `more` keys beside them.
void write_adapterhub_json(const std::string& path, const ModelInfo& model, const std::string& name,
                           const nlohmann::json& config,
                           const nlohmann::json& more = nlohmann::json::object());

/// Throws InputError, naming `directory` and what was looked for, when it is no directory.
void check_directory(const std::string& directory);

/// Throws InputError where `directory` has no file `config`, which describes `what` ("an adapter"):
/// it says what the directory holds instead.
void check_holds(const std::string& directory, const char* config, const char* what);

/// The file of a directory's tensors, in either format.
struct WeightsName {
  const char* bin;  ///< torch.save
  const char* safetensors;
};

/// The tensors of the .bin file or, where there is none, of the .safetensors file: the one that
/// AdapterHub itself reads by default comes first. Throws InputError for one of no floating type.
TensorMap read_weights(const std::string& directory, const WeightsName& name);
void write_weights(const std::string& directory, const WeightsName& name, const TensorMap& tensors,
                   TensorFormat format);

/// What the keys of an encoder's tensors begin with: "roberta." or "bert.".
/// Throws InputError for an encoder of another type than xlm-roberta, roberta and bert.
std::string model_prefix(const ModelInfo& model);

}  // namespace madx::io

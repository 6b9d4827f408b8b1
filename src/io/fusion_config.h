#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "madx/io/adapterhub.h"

namespace madx::io {

/// A fusion without its tensors, from the text of adapter_fusion_config.json. Throws InputError
/// naming `path`, key, expected and found.
FusionDirectory parse_fusion_config(const std::string& path, std::string_view text);

/// The "config" of a fusion: AdapterHub's ten keys.
nlohmann::json fusion_config_json(const FusionConfig& config);

}  // namespace madx::io

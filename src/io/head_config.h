#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "madx/io/adapterhub.h"

namespace madx::io {

constexpr const char* kTagging = "tagging";
constexpr const char* kClassification = "classification";
constexpr const char* kMaskedLm = "masked_lm";

/// A head without its tensors, from the text of head_config.json: flexible heads of AdapterHub and
/// static ones of Hugging Face. Throws InputError naming `path`, key, expected and found.
HeadDirectory parse_head_config(const std::string& path, std::string_view text);

/// The "config" of a flexible head.
nlohmann::json head_config_json(const HeadDirectory& head);

}  // namespace madx::io

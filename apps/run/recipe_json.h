#pragma once

#include <nlohmann/json.hpp>

#include "apps/run/recipe.h"

namespace madx::apps {

// Found by nlohmann's library: `json = recipe`, `json.get<Recipe>()`.

inline void to_json(nlohmann::json& json, const InputFile& file) {
  json = {{"path", file.path}, {"size", file.size}, {"digest", file.digest}};
}

inline void from_json(const nlohmann::json& json, InputFile& file) {
  json.at("path").get_to(file.path);
  json.at("size").get_to(file.size);
  json.at("digest").get_to(file.digest);
}

inline void to_json(nlohmann::json& json, const Recipe& recipe) {
  json = {{"settings", recipe.settings}, {"inputs", recipe.inputs}};
}

inline void from_json(const nlohmann::json& json, Recipe& recipe) {
  json.at("settings").get_to(recipe.settings);
  json.at("inputs").get_to(recipe.inputs);
}

}  // namespace madx::apps

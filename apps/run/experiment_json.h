#pragma once

#include <nlohmann/json.hpp>

#include "apps/run/experiment.h"

namespace madx::apps {

// Found by nlohmann's library: `json = experiment`, `json.get<Experiment>()`.

inline void to_json(nlohmann::json& json, const InputFile& file) {
  json = {{"path", file.path}, {"size", file.size}, {"digest", file.digest}};
}

inline void from_json(const nlohmann::json& json, InputFile& file) {
  json.at("path").get_to(file.path);
  json.at("size").get_to(file.size);
  json.at("digest").get_to(file.digest);
}

inline void to_json(nlohmann::json& json, const Experiment& experiment) {
  json = {{"settings", experiment.settings}, {"inputs", experiment.inputs}};
}

inline void from_json(const nlohmann::json& json, Experiment& experiment) {
  json.at("settings").get_to(experiment.settings);
  json.at("inputs").get_to(experiment.inputs);
}

}  // namespace madx::apps

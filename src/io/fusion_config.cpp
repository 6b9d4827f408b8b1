#include "io/fusion_config.h"

#include "io/adapterhub_files.h"
#include "io/json_file.h"

namespace madx::io {
namespace {

using nlohmann::json;

struct Flag {
  const char* key;
  bool FusionConfig::*field;
};
constexpr Flag kFlags[] = {{"key", &FusionConfig::key},
                           {"query", &FusionConfig::query},
                           {"query_before_ln", &FusionConfig::query_before_ln},
                           {"regularization", &FusionConfig::regularization},
                           {"residual_before", &FusionConfig::residual_before},
                           {"temperature", &FusionConfig::temperature},
                           {"value", &FusionConfig::value},
                           {"value_before_softmax", &FusionConfig::value_before_softmax},
                           {"value_initialized", &FusionConfig::value_initialized}};

// A name ("dynamic", "static") or an object with AdapterHub's keys.
FusionConfig read_keys(const JsonObject& file) {
  if (file.at("config").is_string()) return named_fusion_config(file.text("config"));
  const JsonObject object = file.object("config");
  FusionConfig config;
  for (const auto& flag : kFlags) config.*flag.field = object.flag(flag.key);
  if (object.has("dropout_prob")) {
    const double dropout = object.number("dropout_prob");
    if (!(dropout >= 0 && dropout <= 1)) {
      object.refuse("dropout_prob", "null or a probability from 0 to 1");
    }
    config.dropout_prob = dropout;
  }
  return config;
}

// A list; in files of AdapterHub's first versions, the fusion's name alone.
std::vector<std::string> read_members(const JsonObject& file, const std::string& name) {
  std::vector<std::string> members;
  if (file.has("adapter_names") && file.at("adapter_names").is_array()) {
    for (const auto& item : file.at("adapter_names")) {
      if (!item.is_string()) file.refuse("adapter_names", "a list of names");
      members.push_back(item.get<std::string>());
    }
  } else {
    const auto text = file.has("adapter_names") ? file.text("adapter_names") : name;
    for (size_t start = 0; start <= text.size();) {
      const size_t end = std::min(text.find(',', start), text.size());
      members.push_back(text.substr(start, end - start));
      start = end + 1;
    }
  }
  if (members.size() < 2) file.refuse("adapter_names", "two names or more");
  return members;
}

}  // namespace

FusionDirectory parse_fusion_config(const std::string& path, std::string_view text) {
  const JsonObject file(path, parse_json(path, text));
  FusionDirectory fusion;
  fusion.model = read_model_info(file);
  fusion.name = file.text("name");
  fusion.adapter_names = read_members(file, fusion.name);
  fusion.config = read_keys(file);
  return fusion;
}

json fusion_config_json(const FusionConfig& config) {
  json keys = {{"dropout_prob", nullptr}};
  if (config.dropout_prob) keys["dropout_prob"] = *config.dropout_prob;
  for (const auto& flag : kFlags) keys[flag.key] = config.*flag.field;
  return keys;
}

}  // namespace madx::io

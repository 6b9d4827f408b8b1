#include "apps/experiment/config_part.h"

#include <algorithm>
#include <filesystem>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace fs = std::filesystem;
using nlohmann::json;

void ConfigPart::refuse(const std::string& key, const std::string& expected) const {
  const auto found = value.contains(key) ? value.at(key).dump() : "nothing";
  input_error(file, ": ", place, place.empty() ? "" : ".", key, ": expected ", expected,
              ", but found ", found.substr(0, 80));
}

void ConfigPart::require_object() const {
  if (!value.is_object())
    input_error(file, ": ", place.empty() ? "top level" : place, ": expected an object, but found ",
                value.dump().substr(0, 80));
}

void ConfigPart::check_keys(const std::vector<std::string>& known) const {
  require_object();
  for (const auto& [key, unused] : value.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    input_error(file, ": ", place.empty() ? "top level" : place, ": expected keys of ",
                joined(known, ", "), ", but found \"", key, "\"");
  }
}

ConfigPart ConfigPart::part(const std::string& key) const {
  return {file, place.empty() ? key : place + "." + key, value.at(key)};
}

bool is_text(const json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return !text.empty() && text.find('\0') == std::string::npos;
}

std::string ConfigPart::text(const std::string& key) const {
  if (!has(key) || !is_text(value[key])) refuse(key, "a string that is not empty");
  return value[key].get<std::string>();
}

std::vector<std::string> ConfigPart::texts(const std::string& key) const {
  const auto& list = value.at(key);
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_text))
    refuse(key, "a list of strings that are not empty");
  const auto all = list.get<std::vector<std::string>>();
  for (const auto& one : all)
    if (std::count(all.begin(), all.end(), one) > 1) refuse(key, "each once");
  return all;
}

int64_t ConfigPart::count(const std::string& key) const {
  if (!value.at(key).is_number_integer() || value[key].get<int64_t>() < 0)
    refuse(key, "a whole number, 0 or more");
  return value[key].get<int64_t>();
}

std::string ConfigPart::path(const std::string& key) const { return existing(key, text(key)); }

std::string ConfigPart::existing(const std::string& key, const std::string& path) const {
  const auto full = absolute(path);
  if (!fs::exists(full))
    input_error(file, ": ", place, place.empty() ? "" : ".", key,
                ": expected a file or directory, but there is none at ", full);
  return full;
}

std::string ConfigPart::absolute(const std::string& path) const {
  return (fs::absolute(file).parent_path() / path).lexically_normal();
}

}  // namespace madx::apps

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace madx::apps {

// Included by the files that read an experiment's configuration alone: it names the JSON library.

/// Whether it is a string, not empty, without the character NUL, at which a program would cut it.
bool is_text(const nlohmann::json& value);

/// An object of the configuration and where it stands, which messages name. All functions throw
/// InputError for what is not as they expect it.
struct ConfigPart {
  const std::string& file;
  std::string place;  ///< "flags.scoring"; empty: the whole
  const nlohmann::json& value;

  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;
  void require_object() const;
  void check_keys(const std::vector<std::string>& known) const;
  bool has(const std::string& key) const { return value.contains(key) && !value[key].is_null(); }
  ConfigPart part(const std::string& key) const;
  std::string text(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  int64_t count(const std::string& key) const;
  /// A path that exists, relative to the configuration's folder.
  std::string path(const std::string& key) const;
  std::string existing(const std::string& key, const std::string& path) const;
  std::string absolute(const std::string& path) const;
};

}  // namespace madx::apps

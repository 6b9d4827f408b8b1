#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/json_text.h"

namespace madx::io {

/// One JSON object of a file, read key by key. Errors are InputErrors that name the file, the key,
/// what was expected and what was found.
class JsonObject {
 public:
  /// `path` is what messages begin with. Throws InputError when `value` is no object.
  JsonObject(std::string path, nlohmann::json value);
  /// The object that a file holds.
  static JsonObject read(const std::string& path);

  const std::string& path() const { return path_; }
  const nlohmann::json& value() const { return value_; }

  /// Whether the key is there with a value other than null.
  bool has(const std::string& key) const;
  /// The value of a key that must be there; null counts as missing.
  const nlohmann::json& at(const std::string& key) const;
  std::string text(const std::string& key) const;
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool flag(const std::string& key) const;
  JsonObject object(const std::string& key) const;

  /// Throws InputError: `key` was expected to be `expected`; `advice` says what to do.
  [[noreturn]] void refuse(const std::string& key, const std::string& expected,
                           const std::string& advice = "correct the value") const;

 private:
  std::string path_;
  nlohmann::json value_;
};

/// JSON as Python's `json.dump(value, file, indent=2, sort_keys=True)` writes it, byte for byte;
/// with the keys in their own order (sort_keys=False) for ordered JSON. `path` names the file in
/// the InputError for a string that is not UTF-8.
std::string python_json(const std::string& path, const nlohmann::json& value);
std::string python_ordered_json(const std::string& path, const nlohmann::ordered_json& value);

}  // namespace madx::io

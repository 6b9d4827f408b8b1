#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace madx {

/// A value of a tokenizer's JSON file and its place there, "x/tokenizer.json: model". Each function
/// throws InputError, naming the place, for a value of another kind than asked for.
class JsonPlace {
 public:
  JsonPlace(std::string place, const nlohmann::json& value)
      : place_(std::move(place)), value_(&value) {}

  const std::string& place() const { return place_; }
  const nlohmann::json& value() const { return *value_; }

  /// Whether an object has this key, and not null.
  bool has(const std::string& key) const;
  /// What an object has under this key; null where it has none.
  JsonPlace at(const std::string& key) const;

  const nlohmann::json::array_t& array() const;
  const nlohmann::json::object_t& object() const;
  std::string text() const;
  double number() const;
  /// A whole number from 0 to 2^31 - 1.
  int64_t id() const;
  bool flag() const;
  /// `otherwise` where the key is missing or null.
  bool flag(const std::string& key, bool otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;

  [[noreturn]] void refuse(const std::string& expected,
                           const std::string& advice = "correct or copy it again") const;

 private:
  std::string place_;
  const nlohmann::json* value_;
};

}  // namespace madx

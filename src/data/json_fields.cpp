#include "json_fields.h"

#include "core/json_text.h"
#include "madx/core/error.h"

namespace madx {

using nlohmann::json;

bool JsonPlace::has(const std::string& key) const {
  const auto found = object().find(key);
  return found != object().end() && !found->second.is_null();
}

JsonPlace JsonPlace::at(const std::string& key) const {
  static const json null;
  const auto found = object().find(key);
  return {place_ + ": " + key, found == object().end() ? null : found->second};
}

const json::array_t& JsonPlace::array() const {
  if (!value_->is_array()) refuse("a list");
  return value_->get_ref<const json::array_t&>();
}

const json::object_t& JsonPlace::object() const {
  if (!value_->is_object()) refuse("an object");
  return value_->get_ref<const json::object_t&>();
}

std::string JsonPlace::text() const {
  if (!value_->is_string()) refuse("a string");
  return value_->get<std::string>();
}

double JsonPlace::number() const {
  if (!value_->is_number()) refuse("a number");
  return value_->get<double>();
}

int64_t JsonPlace::id() const {
  constexpr uint64_t kLargest = INT32_MAX;
  if (!value_->is_number_unsigned() || value_->get<uint64_t>() > kLargest)
    refuse("an id, a whole number from 0 on");
  return value_->get<int64_t>();
}

bool JsonPlace::flag() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

bool JsonPlace::flag(const std::string& key, bool otherwise) const {
  return has(key) ? at(key).flag() : otherwise;
}

std::string JsonPlace::text(const std::string& key, const std::string& otherwise) const {
  return has(key) ? at(key).text() : otherwise;
}

void JsonPlace::refuse(const std::string& expected, const std::string& advice) const {
  input_error(place_, ": expected ", expected, ", but found ",
              value_->is_null() ? "none" : shown(*value_), "; ", advice);
}

}  // namespace madx

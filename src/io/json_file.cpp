#include "io/json_file.h"

#include <set>
#include <vector>

#include "io/mapped_file.h"
#include "madx/core/error.h"

namespace madx::io {
namespace {

using nlohmann::json;

// "[json.exception.parse_error.101] parse error at line 1, ..." without its first word.
std::string reason(const json::exception& error) {
  const std::string text = error.what();
  const size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

// A value as an error shows it: short, on one line.
std::string shown(const json& value) {
  constexpr size_t kLongest = 60;
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

}  // namespace

json parse_json(const std::string& path, std::string_view text) {
  std::vector<std::set<std::string>> keys_of_open_objects;
  const auto refuse_repeated_key = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) {
      keys_of_open_objects.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys_of_open_objects.pop_back();
    } else if (event == json::parse_event_t::key &&
               !keys_of_open_objects.back().insert(parsed.get<std::string>()).second) {
      input_error(path, ": expected every JSON key once, but found ", shown(parsed),
                  " twice; remove one");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), refuse_repeated_key);
  } catch (const json::exception& error) {
    input_error(path, ": expected JSON, but found a ", reason(error), "; correct or copy it again");
  }
}

JsonObject::JsonObject(std::string path, json value)
    : path_(std::move(path)), value_(std::move(value)) {
  if (!value_.is_object()) {
    input_error(path_, ": expected a JSON object, but found ", shown(value_), "; check the file");
  }
}

JsonObject JsonObject::read(const std::string& path) {
  return JsonObject(path, parse_json(path, MappedFile(path).bytes()));
}

bool JsonObject::has(const std::string& key) const {
  const auto found = value_.find(key);
  return found != value_.end() && !found->is_null();
}

const json& JsonObject::at(const std::string& key) const {
  if (!has(key)) {
    input_error(path_, ": expected the key \"", key, "\", but found none; add it");
  }
  return value_.at(key);
}

std::string JsonObject::text(const std::string& key) const {
  if (!at(key).is_string()) refuse(key, "a string");
  return at(key).get<std::string>();
}

int64_t JsonObject::integer(const std::string& key) const {
  const auto& value = at(key);
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX);
  if (!fits) refuse(key, "a whole number");
  return value.get<int64_t>();
}

double JsonObject::number(const std::string& key) const {
  if (!at(key).is_number()) refuse(key, "a number");
  return at(key).get<double>();
}

bool JsonObject::flag(const std::string& key) const {
  if (!at(key).is_boolean()) refuse(key, "true or false");
  return at(key).get<bool>();
}

JsonObject JsonObject::object(const std::string& key) const {
  if (!at(key).is_object()) refuse(key, "an object");
  return JsonObject(path_ + ": " + key, at(key));
}

void JsonObject::refuse(const std::string& key, const std::string& expected,
                        const std::string& advice) const {
  const auto found = value_.find(key);
  input_error(path_, ": expected \"", key, "\" to be ", expected, ", but found ",
              found == value_.end() ? "nothing" : shown(*found), "; ", advice);
}

std::string python_json(const std::string& path, const json& value) {
  try {
    return value.dump(2, ' ', /*ensure_ascii=*/true);
  } catch (const json::type_error& error) {
    input_error(path, ": expected names in UTF-8, but found one that is not (", reason(error),
                "); rename it");
  }
}

}  // namespace madx::io

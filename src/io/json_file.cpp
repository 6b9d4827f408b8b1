#include "io/json_file.h"

#include <charconv>
#include <cmath>
#include <iterator>

#include "madx/core/error.h"
#include "madx/io/mapped_file.h"

namespace madx::io {

using nlohmann::json;

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

namespace {

// A number as Python's repr writes it: the fewest digits that give the same number, with an
// exponent from 1e16 on and below 1e-4.
std::string python_number(double value) {
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  char digits[64];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string text(digits, end.ptr);
  return fixed && text.find('.') == std::string::npos ? text + ".0" : text;
}

template <class Json>
void write_python(const Json& value, const std::string& margin, std::string& out) {
  const bool is_object = value.is_object();
  if (value.is_number_float()) {
    out += python_number(value.template get<double>());
  } else if (!value.is_structured()) {
    out += value.dump(-1, ' ', /*ensure_ascii=*/true);
  } else if (value.empty()) {
    out += is_object ? "{}" : "[]";
  } else {
    const std::string inner = margin + "  ";
    out += is_object ? '{' : '[';
    const char* separator = "\n";
    for (auto item = value.begin(); item != value.end(); ++item) {
      out += separator + inner;
      if (is_object) out += Json(item.key()).dump(-1, ' ', true) + ": ";
      write_python(*item, inner, out);
      separator = ",\n";
    }
    out += '\n' + margin + (is_object ? '}' : ']');
  }
}

template <class Json>
std::string as_python_writes(const std::string& path, const Json& value) {
  try {
    std::string text;
    write_python(value, "", text);
    return text;
  } catch (const json::type_error& error) {
    input_error(path, ": expected names in UTF-8, but found one that is not (", reason(error),
                "); rename it");
  }
}

}  // namespace

std::string python_json(const std::string& path, const json& value) {
  return as_python_writes(path, value);
}

std::string python_ordered_json(const std::string& path, const nlohmann::ordered_json& value) {
  return as_python_writes(path, value);
}

}  // namespace madx::io

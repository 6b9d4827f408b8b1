#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace madx {

/// JSON that comes from elsewhere. Throws InputError, naming `path` and the place in it, for text
/// that is no JSON (with `comments`, that has // and /* */ between its values, too), that has a key
/// twice in an object, or whose brackets stand more than 64 deep: what copies or prints a value
/// recurses, and must not run out of stack.
nlohmann::json parse_json(const std::string& path, std::string_view text, bool comments = false);

/// A value as an error shows it: short, on one line.
std::string shown(const nlohmann::json& value);

/// "parse error at line 1, ..." of an exception that begins "[json.exception.parse_error.101] ".
std::string reason(const nlohmann::json::exception& error);

}  // namespace madx

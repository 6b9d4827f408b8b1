#include "core/json_text.h"

#include <set>
#include <vector>

#include "madx/core/error.h"

namespace madx {

using nlohmann::json;

std::string reason(const json::exception& error) {
  const std::string text = error.what();
  const size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

std::string shown(const json& value) {
  constexpr size_t kLongest = 60;
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

json parse_json(const std::string& path, std::string_view text, bool comments) {
  constexpr int kDeepest = 64;
  std::vector<std::set<std::string>> keys_of_open_objects;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kDeepest) {
      input_error(path, ": expected JSON of at most ", kDeepest,
                  " brackets inside each other, but found more; check that it is the right file");
    }
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
    return json::parse(text.begin(), text.end(), check, /*allow_exceptions=*/true, comments);
  } catch (const json::exception& error) {
    input_error(path, ": expected JSON, but found a ", reason(error), "; correct or copy it again");
  }
}

}  // namespace madx

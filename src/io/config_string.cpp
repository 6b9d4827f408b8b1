#include <cctype>
#include <cmath>

#include "io/bottleneck_json.h"
#include "io/json_file.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/io/adapter_config.h"

namespace madx::io {
namespace {

using nlohmann::json;

// Reads `key=value,key=value` with Python literals as values: numbers, strings, True, False, None,
// [..] and {..}.
class LiteralParser {
 public:
  explicit LiteralParser(const std::string& text) : text_(text) {}

  std::string name() {
    position_ = std::min(text_.find('['), text_.size());
    const size_t last = text_.substr(0, position_).find_last_not_of(' ');
    return text_.substr(0, last == std::string::npos ? 0 : last + 1);
  }

  // What stands in brackets behind the name, up to the end of the text.
  json overrides() {
    json keys = json::object();
    if (position_ == text_.size()) return keys;
    expect('[');
    while (!accept(']')) {
      const std::string key = word();
      expect('=');
      if (keys.contains(key)) refuse("a key once, but found \"" + key + "\" twice");
      keys[key] = value(/*depth=*/0);
      if (!accept(',') && peek() != ']') refuse("',' or ']'");
    }
    if (peek() != '\0') refuse("nothing behind ']'");
    return keys;
  }

 private:
  json value(int depth) {
    constexpr int kDeepest = 4;
    if (depth == kDeepest) refuse("fewer brackets inside brackets");
    const char next = peek();
    if (next == '\'' || next == '"') return quoted();
    if (next == '[') return list(depth);
    if (next == '{') return dict(depth);
    if (next == '-' || next == '.' || std::isdigit(static_cast<unsigned char>(next)))
      return number();
    const std::string name = word();
    if (name == "True") return true;
    if (name == "False") return false;
    if (name == "None") return nullptr;
    refuse("a Python value (strings in quotes), but found \"" + name + "\"");
  }

  json list(int depth) {
    json items = json::array();
    expect('[');
    while (!accept(']')) {
      items.push_back(value(depth + 1));
      if (!accept(',') && peek() != ']') refuse("',' or ']'");
    }
    return items;
  }

  json dict(int depth) {
    json items = json::object();
    expect('{');
    while (!accept('}')) {
      const json key = value(depth + 1);
      if (!key.is_string()) refuse("a string in quotes as a key");
      expect(':');
      items[key.get<std::string>()] = value(depth + 1);
      if (!accept(',') && peek() != '}') refuse("',' or '}'");
    }
    return items;
  }

  json quoted() {
    const char quote = text_[position_];
    const size_t end = text_.find(quote, position_ + 1);
    if (end == std::string::npos) refuse("a closing quote");
    const std::string inside = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    return inside;
  }

  json number() {
    const size_t start = position_;
    position_ = std::min(text_.find_first_not_of("+-.0123456789eE_", start), text_.size());
    const std::string digits = text_.substr(start, position_ - start);
    const bool whole = digits.find_first_of(".eE") == std::string::npos;
    const auto parsed = parse_number(digits);
    if (!parsed || !std::isfinite(*parsed)) refuse("a number, but found \"" + digits + "\"");
    const double real = *parsed;
    constexpr double kLargestExact = 1e15;
    if (!whole || std::abs(real) > kLargestExact) return real;
    if (real < 0) return static_cast<int64_t>(real);
    return static_cast<uint64_t>(real);
  }

  std::string word() {
    const size_t start = (peek(), position_);
    while (std::isalnum(static_cast<unsigned char>(peek_here())) || peek_here() == '_') ++position_;
    if (position_ == start) refuse("a name");
    return text_.substr(start, position_ - start);
  }

  char peek_here() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  char peek() {
    while (peek_here() == ' ') ++position_;
    return peek_here();
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(std::string("'") + c + "'");
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    input_error("adapter configuration \"", text_, "\": expected ", expected, " at character ",
                position_ + 1, "; write it as in seq_bn[reduction_factor=2,leave_out=[11]]");
  }

  const std::string& text_;
  size_t position_ = 0;
};

void refuse_union(const std::string& text) {
  if (text.find('|') == std::string::npos) return;
  input_error("adapter configuration \"", text,
              "\": expected one configuration, but found a union (\"|\"), which is not supported; ",
              "add the adapters one by one and stack them");
}

}  // namespace

BottleneckConfig parse_config_string(const std::string& text) {
  refuse_union(text);
  LiteralParser parser(text);
  BottleneckConfig config = named_config(parser.name());
  const JsonObject overrides("adapter configuration \"" + text + "\"", parser.overrides());
  const json known = bottleneck_json(config);
  for (const auto& [key, value] : overrides.value().items()) {
    if (!known.contains(key)) {
      overrides.refuse(key, "left out, as no key of a bottleneck adapter is called so",
                       "see AdapterHub's BnConfig for the keys");
    }
  }
  set_bottleneck_keys(overrides, config);
  return config;
}

}  // namespace madx::io

#pragma once

#include <charconv>
#include <cstdint>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

// Numbers as text and back with a decimal point and without grouping, whatever the locale of the
// process or its std::locale::global() is: files and messages are the same everywhere.

/// A stream that writes numbers so. Streams otherwise follow std::locale::global().
inline std::ostringstream plain_stream() {
  std::ostringstream stream;
  stream.imbue(std::locale::classic());
  return stream;
}

/// "0.05", "1e-05": six significant digits at most, as a stream writes a number.
inline std::string number_text(double value) {
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::general, 6).ptr;
  return {text, end};
}

/// A number in as many digits as tell it from every other.
template <class Number>
std::string exact_text(Number value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

/// "12.50": with this many decimals, below 16; instead of std::to_string and printf.
inline std::string fixed_text(double value, int decimals) {
  char text[352];  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed, decimals).ptr;
  return {text, end};
}

/// The number that all of `text` is; std::nullopt for anything else, and for one beyond what a
/// double holds. Instead of strtod, which stops at "2.5" where the locale expects "2,5".
inline std::optional<double> parse_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Whether `text` begins with `start`.
inline bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// "1 line", "2 lines".
inline std::string counted(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// "en, sw, rw": the words with `between` between them.
inline std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += between;
    text += words[i];
  }
  return text;
}

}  // namespace madx

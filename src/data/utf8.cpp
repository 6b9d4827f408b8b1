#include "madx/data/utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "madx/core/error.h"

namespace madx {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

std::string hexadecimal(unsigned char byte) {
  char text[5];
  std::snprintf(text, sizeof text, "0x%02X", byte);
  return text;
}

}  // namespace

// The second byte's narrower range after E0, ED, F0 and F4 is what excludes overlong forms,
// surrogates and values beyond U+10FFFF.
std::size_t code_point_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned char lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;

  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;

  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  const unsigned char second = byte_at(text, 1);
  if (second < lowest || second > highest) return 0;

  for (std::size_t i = 2; i < length; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::vector<std::string_view> split_utf8(std::string_view text) {
  std::vector<std::string_view> code_points;
  code_points.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point_length(text.substr(at));
    code_points.push_back(text.substr(at, length == 0 ? 1 : length));
    at += code_points.back().size();
  }
  return code_points;
}

std::vector<std::string> split_utf8_lines(const std::string& path, std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    // A NUL byte is valid UTF-8, but what holds one is UTF-16 or no text at all.
    const std::size_t at = std::min(line.find('\0'), first_invalid_utf8(line).value_or(line.npos));
    if (at != line.npos) {
      input_error(path, ":", lines.size() + 1, ": expected UTF-8 text, but found ",
                  hexadecimal(byte_at(line, at)), " at byte ", at + 1,
                  " of the line; convert the file to UTF-8, for example with iconv");
    }
    lines.emplace_back(line);
  }
  return lines;
}

std::vector<std::string> read_utf8_lines(const std::string& path) {
  std::error_code ignored;  // what does not exist is reported by the open below
  if (std::filesystem::is_directory(path, ignored)) {
    input_error(path, ": expected a text file, but found a directory; name a file in it");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    input_error(path, ": expected a text file, but found none that can be opened (",
                std::strerror(errno), "); check the path");
  }

  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) machine_error(path, ": reading stopped: ", std::strerror(errno));
  return split_utf8_lines(path, text);
}

}  // namespace madx

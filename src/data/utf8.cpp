#include "madx/data/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ios>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/core/read_bytes.h"

namespace madx {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

constexpr std::uint64_t kEvery = 0x0101010101010101;  // 1 in each of eight bytes

std::uint64_t word_at(std::string_view text, std::size_t i) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + i, sizeof word);
  return word;
}

/// Whether one of eight bytes is `byte`: x - 1 borrows into the top bit of a byte that is 0.
bool holds(std::uint64_t word, unsigned char byte) {
  const std::uint64_t x = word ^ kEvery * byte;
  return ((x - kEvery) & ~x & kEvery * 0x80) != 0;
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
    if (at + 8 <= text.size() && (word_at(text, at) & kEvery * 0x80) == 0) {  // ASCII
      at += 8;
      continue;
    }
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

LineScanner::LineScanner(std::string_view text) : text_(text) {
  if (starts_with(text, kByteOrderMark)) next_ = kByteOrderMark.size();
}

bool LineScanner::next() {
  if (next_ >= text_.size()) return false;
  ++number_;
  start_ = next_;
  line_ = line_at(text_, start_);
  next_ = after_end(start_ + line_.size());
  return true;
}

/// Where the line begins whose predecessor ends at `end`. A run of CRs is looked at once.
std::size_t LineScanner::after_end(std::size_t end) {
  if (end == text_.size() || text_[end] == '\n' || end < lone_until_) {
    return std::min(end + 1, text_.size());
  }
  const std::size_t run_end = std::min(text_.find_first_not_of('\r', end), text_.size());
  if (run_end < text_.size() && text_[run_end] == '\n') return run_end + 1;
  lone_until_ = run_end;
  return end + 1;
}

std::string_view line_at(std::string_view text, std::size_t start) {
  std::size_t end = start;
  while (end + 8 <= text.size() && !holds(word_at(text, end), '\n') &&
         !holds(word_at(text, end), '\r')) {
    end += 8;
  }
  while (end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
  return text.substr(start, end - start);
}

namespace {

/// How packed files begin, and what unpacks them.
struct Packing {
  std::string_view start;
  const char *name, *unpack;
};

constexpr Packing kPackings[] = {
    {"\x1f\x8b", "gzip", "gunzip"}, {"BZh", "bzip2", "bunzip2"},
    {"\xfd\x37zXZ", "xz", "unxz"},  {"\x28\xb5\x2f\xfd", "zstd", "unzstd"},
    {"PK\x03\x04", "zip", "unzip"},
};

/// What packed a file whose first line this is; nullptr for other files.
const Packing* packed_by(std::string_view line) {
  const auto* const found =
      std::find_if(std::begin(kPackings), std::end(kPackings),
                   [&](const Packing& packing) { return starts_with(line, packing.start); });
  return found == std::end(kPackings) ? nullptr : found;
}

}  // namespace

void check_utf8_line(const std::string& path, std::size_t number, std::string_view line) {
  const std::size_t nul = line.find('\0');
  const std::size_t at = std::min(nul, first_invalid_utf8(line).value_or(line.npos));
  if (at == line.npos) return;

  const auto packed = number == 1 ? packed_by(line) : nullptr;
  if (packed != nullptr) {
    input_error(path, ": expected text, but found ", packed->name, "'s data; unpack it, e.g. by ",
                packed->unpack, ", and give what comes out");
  }
  const std::size_t column = split_utf8(line.substr(0, at)).size() + 1;
  if (at == nul) {
    input_error(path, ":", number, ": expected text, but found a NUL byte at column ", column,
                "; is it UTF-16 or a binary file? convert it, e.g. iconv -f utf-16 -t utf8");
  }
  const int byte = byte_at(line, at);
  const bool utf16_mark = number == 1 && at == 0 && byte >= 0xFE;
  input_error(path, ":", number, ": expected UTF-8, but found byte 0x", std::hex, std::uppercase,
              byte, std::dec, " at column ", column, "; convert it, e.g. iconv -f ",
              utf16_mark ? "utf-16" : "latin1", " -t utf8");
}

std::vector<std::string> split_utf8_lines(const std::string& path, std::string_view text) {
  std::vector<std::string> lines;
  for (LineScanner scanner(text); scanner.next();) {
    check_utf8_line(path, scanner.number(), scanner.line());
    lines.emplace_back(scanner.line());
  }
  return lines;
}

std::vector<std::string> read_utf8_lines(const std::string& path) {
  return split_utf8_lines(path, read_bytes(path, "a text file"));
}

}  // namespace madx

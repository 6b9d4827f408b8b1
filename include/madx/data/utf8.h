#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// Byte offset of the first sequence that is not UTF-8: an overlong form, a surrogate, a code point
/// beyond U+10FFFF, a stray or missing continuation byte. std::nullopt when `text` is valid.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// Bytes in the code point that begins `text`; 0 where no valid one begins there, or none is left.
std::size_t code_point_length(std::string_view text);

/// The code points of `text` in order, each as the bytes that encode it; the views point into
/// `text`. A byte that begins no valid sequence becomes an element of its own, so that the elements
/// always add up to `text`.
std::vector<std::string_view> split_utf8(std::string_view text);

/// Takes the lines of a text one after the other. Line ends are LF, CR LF, CR CR LF (what CR LF
/// becomes when it is written once more in text mode) with any number of CRs, and a CR alone (old
/// Macs), mixed as they come. Other characters that end a line for some programs (VT, FF, U+0085,
/// U+2028, U+2029) are text. A byte order mark at the beginning of the text is left out.
class LineScanner {
 public:
  /// Before the first line of `text`, which must outlive it.
  explicit LineScanner(std::string_view text);

  /// Goes on to the next line; false at the end of the text. A line end as the last thing in the
  /// text begins no further line.
  bool next();

  std::string_view line() const { return line_; }  ///< without its end
  std::size_t number() const { return number_; }   ///< from 1
  std::size_t start() const { return start_; }     ///< its place in the text, in bytes

 private:
  std::size_t after_end(std::size_t end);

  std::string_view text_;
  std::string_view line_;
  std::size_t number_ = 0;
  std::size_t start_ = 0;
  std::size_t next_ = 0;        // where the next line begins
  std::size_t lone_until_ = 0;  // CRs before here have no LF after them: each ends a line
};

/// U+FEFF, which some editors put before a text to say that it is UTF-8.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The line that begins at byte `start` of `text`, without its end.
std::string_view line_at(std::string_view text, std::size_t start);

/// Throws InputError for a line that is not UTF-8, or that holds a NUL byte, the sign of UTF-16 or
/// of a binary file: names `path`, the line's number and the column, in characters from 1.
void check_utf8_line(const std::string& path, std::size_t number, std::string_view line);

/// The lines of `text` as LineScanner finds them; element i is line i + 1. Throws as
/// check_utf8_line does.
std::vector<std::string> split_utf8_lines(const std::string& path, std::string_view text);

/// The same for a text file. InputError also when `path` is a directory or cannot be opened. An
/// empty file has no lines.
std::vector<std::string> read_utf8_lines(const std::string& path);

}  // namespace madx

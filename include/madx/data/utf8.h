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

/// The lines of `text` without their ends (LF or CRLF) and without a byte order mark; element i is
/// line i + 1. InputError, naming `path` and the line, for a line that is not UTF-8 or holds a NUL
/// byte.
std::vector<std::string> split_utf8_lines(const std::string& path, std::string_view text);

/// The lines of a text file without their ends (LF or CRLF) and without a byte order mark; element
/// i is line i + 1. InputError when `path` is a directory or cannot be opened, and, naming the
/// line, when a line is not UTF-8 or holds a NUL byte. An empty file has no lines.
std::vector<std::string> read_utf8_lines(const std::string& path);

}  // namespace madx

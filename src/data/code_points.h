#pragma once

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstddef>
#include <string_view>

namespace madx {

/// The code point that `text` begins with; U+FFFD for a malformed byte.
inline UChar32 first_code_point(std::string_view text) {
  UChar32 c = 0;
  int32_t at = 0;
  const auto size = static_cast<int32_t>(text.size());
  U8_NEXT_OR_FFFD(text.data(), at, size, c);
  return c;
}

/// Bytes of white space (Unicode's property) that `text` begins with.
inline size_t spaces_at_begin(std::string_view text) {
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0, next = 0;; at = next) {
    UChar32 c = -1;
    if (next < size) U8_NEXT(text.data(), next, size, c);
    if (c < 0 || !u_isUWhiteSpace(c)) return static_cast<size_t>(at);
  }
}

/// Bytes of `text` without the white space that it ends with.
inline size_t size_without_spaces_at_end(std::string_view text) {
  for (auto at = static_cast<int32_t>(text.size()), before = at;; at = before) {
    UChar32 c = -1;
    if (before > 0) U8_PREV(text.data(), 0, before, c);
    if (c < 0 || !u_isUWhiteSpace(c)) return static_cast<size_t>(at);
  }
}

}  // namespace madx

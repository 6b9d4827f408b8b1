#include "madx/data/invisible.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "code_points.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

std::string code_point_name(UChar32 c) {
  char text[16];
  std::snprintf(text, sizeof text, "<U+%04X>", static_cast<unsigned>(c));
  return text;
}

}  // namespace

bool is_invisible(std::string_view code_point) {
  if (code_point.size() == 1) {
    const auto byte = static_cast<unsigned char>(code_point[0]);
    return byte <= 0x20 || byte == 0x7F;  // beyond, a byte alone is no UTF-8, and is shown
  }
  const UChar32 c = first_code_point(code_point);
  return u_isUWhiteSpace(c) || (U_GET_GC_MASK(c) & (U_GC_CC_MASK | U_GC_CF_MASK)) != 0 ||
         u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

std::string_view trim_invisible(std::string_view text) {
  const auto seen = [](char c) { return c > ' ' && c < '\x7F'; };
  if (!text.empty() && seen(text.front()) && seen(text.back())) return text;

  const auto code_points = split_utf8(text);
  std::size_t begin = 0, end = code_points.size();
  while (begin < end && is_invisible(code_points[begin])) ++begin;
  while (begin < end && is_invisible(code_points[end - 1])) --end;
  if (begin == end) return text.substr(0, 0);
  const char* const first = code_points[begin].data();
  const std::string_view last = code_points[end - 1];
  return {first, static_cast<std::size_t>(last.data() + last.size() - first)};
}

bool is_plain_name(std::string_view text) {
  const auto is_control = [](unsigned char byte) { return byte < ' ' || byte == 0x7F; };
  return std::none_of(text.begin(), text.end(), is_control) && !first_invalid_utf8(text);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 40;
  const auto code_points = split_utf8(text);
  std::string shown = "\"";
  for (std::size_t i = 0; i < code_points.size() && i < kShown; ++i) {
    const bool named = code_points[i] != " " && is_invisible(code_points[i]);
    shown +=
        named ? code_point_name(first_code_point(code_points[i])) : std::string(code_points[i]);
  }
  return shown + (code_points.size() > kShown ? "...\"" : "\"");
}

}  // namespace madx

#include "madx/data/tags.h"

#include <algorithm>

#include "madx/core/error.h"
#include "madx/data/invisible.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

constexpr std::string_view kOutside = "O";

std::string_view type_of(std::string_view tag) { return tag.substr(2); }

bool always_begins(std::string_view tag) { return tag[0] == 'B' || tag[0] == 'S' || tag[0] == 'U'; }

bool always_ends(std::string_view tag) {
  return tag[0] == 'E' || tag[0] == 'L' || tag[0] == 'S' || tag[0] == 'U';
}

/// Whether `tag` goes on with the entity that the tag before it belongs to. seqeval's two tables of
/// tag pairs, start_of_chunk and end_of_chunk, come to this.
bool continues(std::string_view before, std::string_view tag) {
  return before != kOutside && tag != kOutside && !always_ends(before) && !always_begins(tag) &&
         type_of(before) == type_of(tag);
}

}  // namespace

bool is_tag(std::string_view tag) {
  if (tag == kOutside) return true;
  if (tag.size() < 3 || tag[1] != '-') return false;
  if (std::string_view("BIESLU").find(tag[0]) == std::string_view::npos) return false;
  const auto plain = [](char c) { return c > ' ' && c < '\x7F'; };
  if (std::all_of(tag.begin(), tag.end(), plain)) return true;
  const auto code_points = split_utf8(tag);
  return std::none_of(code_points.begin(), code_points.end(), is_invisible);
}

std::vector<Span> spans_of(const std::vector<std::string>& tags) {
  std::vector<Span> spans;
  std::string_view before = kOutside;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string_view tag = tags[i];
    if (!is_tag(tag)) {
      input_error("token ", i + 1, ": expected a tag such as O or B-PER, but found ",
                  in_quotes(tag), "; use labels of IOB1, IOB2 or BIOES");
    }
    if (continues(before, tag)) {
      spans.back().end = i + 1;
    } else if (tag != kOutside) {
      spans.push_back({std::string(type_of(tag)), i, i + 1});
    }
    before = tag;
  }
  return spans;
}

std::vector<std::string> to_iob2(const std::vector<std::string>& tags) {
  std::vector<std::string> iob2(tags.size(), std::string(kOutside));
  for (const Span& span : spans_of(tags)) {
    iob2[span.begin] = "B-" + span.type;
    for (std::size_t i = span.begin + 1; i < span.end; ++i) iob2[i] = "I-" + span.type;
  }
  return iob2;
}

}  // namespace madx

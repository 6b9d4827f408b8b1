#include "sentencepiece_normalizer.h"

#include "madx/data/utf8.h"
#include "unigram.h"

namespace madx {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";

/// What stands for the beginning of a text, and how many bytes of it.
NormalisationTable::Match next_part(const NormalisationTable& table, std::string_view text) {
  const auto match = table.longest(text);
  if (match.length > 0) return match;
  const size_t length = code_point_length(text);
  return length == 0 ? NormalisationTable::Match{1, kReplacement}
                     : NormalisationTable::Match{length, text.substr(0, length)};
}

}  // namespace

std::string normalize_as_sentencepiece(const SentencePieceModel& model, std::string_view text) {
  std::string normal;
  normal.reserve(text.size() + text.size() / 2 + kWordMark.size());
  bool after_space = model.removes_extra_spaces;  // a space here would be an extra one
  bool begun = false;
  while (!text.empty()) {
    auto [length, part] = next_part(model.table, text);
    text.remove_prefix(length);
    if (!begun && model.removes_extra_spaces && part == " ") continue;
    if (!begun && model.adds_space_before) normal += kWordMark;
    begun = true;
    while (after_space && !part.empty() && part.front() == ' ') part.remove_prefix(1);
    if (part.empty()) continue;
    for (const char byte : part) {
      if (byte == ' ') {
        normal += kWordMark;
      } else {
        normal += byte;
      }
    }
    after_space = model.removes_extra_spaces && part.back() == ' ';
  }
  if (!model.removes_extra_spaces) return normal;
  const auto ends_with_space = [&] {
    return normal.size() >= kWordMark.size() &&
           normal.compare(normal.size() - kWordMark.size(), kWordMark.size(), kWordMark) == 0;
  };
  while (ends_with_space()) normal.resize(normal.size() - kWordMark.size());
  return normal;
}

}  // namespace madx

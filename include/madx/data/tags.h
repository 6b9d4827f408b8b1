#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// What a file's tags are.
enum class TagScheme {
  kSpans,  ///< entities: O, or B, I, E, S, L or U with a type
  kPlain,  ///< any text, one a token: parts of speech
};

/// An entity: tokens [begin, end) of a sentence and the type their tags give.
struct Span {
  std::string type;   ///< "PER"
  std::size_t begin;  ///< first token
  std::size_t end;    ///< one past the last token
};

/// Whether place and type are the same.
inline bool operator==(const Span& a, const Span& b) {
  return a.begin == b.begin && a.end == b.end && a.type == b.type;
}

/// Whether `tag` is O, or B, I, E, S, L or U with a hyphen and a type (`B-PER`). A type has neither
/// spaces nor other invisible characters: two that look the same would be two types.
bool is_tag(std::string_view tag);

/// The entities of one sentence in order, as seqeval's default (non-strict) mode reads them, which
/// is conlleval's reading: a broken sequence is not refused, and a new entity begins wherever the
/// type changes. IOB1, IOB2 and BIOES need not be told apart. BILUO's L and U, which seqeval does
/// not know, are read as E and S. InputError for what is not a tag.
std::vector<Span> spans_of(const std::vector<std::string>& tags);

/// Tags of the same length in IOB2 that have exactly the spans of `tags`. InputError for what is
/// not a tag.
std::vector<std::string> to_iob2(const std::vector<std::string>& tags);

}  // namespace madx

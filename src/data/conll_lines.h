#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// A line of a CoNLL file that is neither blank nor the beginning of a document. Views point into
/// the file's text.
struct ConllLine {
  std::size_t number;  // in the file, from 1
  std::size_t block;   // blank lines and -DOCSTART- come between two blocks
  std::string_view text;
  std::vector<std::string_view> columns;
  bool may_be_comment;  // begins with "# "
};

/// The lines of a file, split into columns: by tabs, where there is none by runs of spaces.
std::vector<ConllLine> split_conll_lines(const std::vector<std::string>& text);

/// The number of columns, that of the first line that is a token's for certain; 2 where there is
/// none. A line that begins with a space and has one too few gets an empty first column. InputError
/// for a token's line of another number; lines that may be comments are not looked at.
std::size_t require_equal_width(const std::string& path, std::vector<ConllLine>& lines);

/// What CoNLL-U has in its first column: "7" is a word, "3-4" a range, "5.1" an empty node.
struct ConllIndex {
  enum class Kind { kNone, kWord, kRange, kEmptyNode };
  Kind kind = Kind::kNone;
  std::int64_t value = 0;  // of a word
};
ConllIndex parse_conll_index(std::string_view column);

}  // namespace madx

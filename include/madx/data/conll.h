#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "madx/data/tags.h"

namespace madx {

/// A sentence of a CoNLL file: as many tags as tokens, and at least one. The tags are the file's
/// own; `to_iob2` gives those that a model is trained on.
struct TaggedSentence {
  std::vector<std::string> tokens;
  std::vector<std::string> tags;
};

/// The sentences of a CoNLL file: a token and its tag a line (first and last column), a blank line
/// between sentences. Byte order mark and CRLF are accepted.
///
/// - Columns are separated by tabs, in a line without any by runs of spaces.
/// - Comments are lines that begin with "# ". A line whose first column is "#" alone is a token
///   nevertheless when it ends in a tag and has as many columns as the first token line: "# O".
/// - A -DOCSTART- line is skipped and ends the sentence before it.
/// - A prefix such as "en:" (WikiANN) is removed when every token of the file has the same one.
///
/// InputError, naming file and line, for a line of one column, a last column that is no tag (see
/// `is_tag`), a token that is empty without its prefix, and bytes that are not UTF-8; naming the
/// file when it cannot be opened or has no sentence.
std::vector<TaggedSentence> read_conll(const std::string& path);

/// The same for the file's content in memory; `path` is what messages begin with.
std::vector<TaggedSentence> parse_conll(const std::string& path, std::string_view text);

/// Writes one sentence, a token a line: the i-th element of every column, tab separated, then a
/// blank line. Throws std::invalid_argument when the columns differ in length.
void write_columns(std::ostream& out, const std::vector<std::vector<std::string>>& columns);

}  // namespace madx

#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "madx/data/tags.h"

namespace madx {

/// A sentence of a CoNLL file: as many tags as tokens, and at least one. The tags are the file's
/// own; `to_iob2` gives those that a model is trained on. A token may be empty.
struct TaggedSentence {
  std::vector<std::string> tokens;  ///< as they stood
  std::vector<std::string> tags;    ///< the file's own, one a token
};

/// Columns of a CoNLL file, counted from 1; 0: to be found.
struct ConllColumns {
  std::size_t token = 0;  ///< of the token
  std::size_t tag = 0;    ///< of the tag
};

/// What a CoNLL file holds, and in which of its columns it stood.
struct ConllFile {
  std::vector<TaggedSentence> sentences;  ///< in order
  ConllColumns columns;                   ///< where token and tag stood
  std::size_t width = 0;                  ///< columns of each token's line
};

/// Reads a CoNLL file: a token and its tag a line, a blank line between sentences. Every line end
/// that LineScanner knows is accepted, and byte order marks before a line.
///
/// - Columns are separated by tabs, in a line without any by runs of spaces. Every token's line has
///   as many. Between tabs a column may be empty; an empty first one is a token without text, and
///   so is what a space stands for that a line with one column too few begins with.
/// - The token is in the first column. Where the first column counts the tokens of each sentence
///   (1, 2, 3, ... as in CoNLL-U, from any number on), it is in the second; lines of a range (3-4)
///   or of an empty node (5.1) are no tokens: the words of the range follow.
/// - The tag is in the last column. Where no line has a tag there, it is in the one column that has
///   one in every line.
/// - `columns` says otherwise where it is not 0.
/// - Lines of nothing but invisible characters are blank; tags lose those at their ends.
/// - Comments are lines that begin with "# " and are not a token's: that would have the file's
///   number of columns, and a tag in its place ("# O", or "# 1", tab, "B-MISC").
/// - A -DOCSTART- line is skipped and ends the sentence before it.
/// - A prefix such as "en:" (WikiANN) is removed when every token of the file has one.
///
/// Under `TagScheme::kPlain` any text is a tag, which is in the last column where `columns` does
/// not say otherwise, and a line that may be a comment is a token's where it has the file's number
/// of columns.
///
/// InputError, naming file and line, for a line of one column or of another number than the lines
/// before, what is no tag (see `is_tag`) or empty in the tag's column, a first column of numbers
/// that do not count, a token that is empty without its prefix, and bytes that are not UTF-8;
/// naming the file when it cannot be opened or has no sentence, and when several columns may be the
/// tags'.
ConllFile read_conll_file(const std::string& path, ConllColumns columns = {},
                          TagScheme scheme = TagScheme::kSpans);

/// The sentences alone.
std::vector<TaggedSentence> read_conll(const std::string& path);

/// The same for the file's content in memory; `path` is what messages begin with.
std::vector<TaggedSentence> parse_conll(const std::string& path, std::string_view text);

/// Writes one sentence, a token a line: the i-th element of every column, tab separated, then a
/// blank line. Throws c10::Error when the columns differ in length.
void write_columns(std::ostream& out, const std::vector<std::vector<std::string>>& columns);

}  // namespace madx

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace madx {

/// Splits a sentence of raw text into words and punctuation, as the corpora that taggers are
/// trained on do, for any language:
///
/// - White space separates; each punctuation mark or symbol is a word of its own, but "...", "--",
///   "''" and other runs of one of . - ' ` * = are one word.
/// - Kept whole: hyphens, apostrophes, full stops, slashes and the like between letters ("ng'ombe",
///   "EU:n", "AT&T"), numbers ("3.5", "1,000", "10:30", "-5"), "#tag" and "@name", e-mail and web
///   addresses, initials ("U.S.", "J." before a name) and titles ("Dr.").
/// - Where a script has no spaces (Han, Kana, Thai, Khmer, ...), each character is a word.
///
/// Combining marks stay with their letter. All of `sentence` comes back in order but white space,
/// control characters and direction marks. Bytes that are not UTF-8 count as symbols.
std::vector<std::string> split_words(std::string_view sentence);

/// The sentences of a text file, a line each, as words.
struct RawText {
  std::vector<std::vector<std::string>> sentences;  ///< words of each line
  std::vector<std::size_t> passed_over;  ///< lines without a word, counted from 1: they have none
};

/// The words (see `split_words`) of each line of a text file. InputError when the file cannot be
/// opened or has no words, and, naming file and line, when it is not UTF-8.
RawText read_raw_text(const std::string& path);

/// The sentences alone.
std::vector<std::vector<std::string>> read_raw_sentences(const std::string& path);

}  // namespace madx

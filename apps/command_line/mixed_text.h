#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "madx/data/conll.h"

namespace madx::apps {

/// Raw sentences, each of a language of its own; all tags are "O".
struct MixedText {
  std::vector<std::string> languages;
  std::vector<TaggedSentence> sentences;
  std::vector<std::size_t> passed_over = {};  ///< blank lines, counted from 1
};

/// Reads a file with a language, a tab and a sentence a line; of the language, invisible characters
/// at its ends are left out. Throws InputError, naming the line, for another form.
MixedText read_mixed_text(const std::string& path);

}  // namespace madx::apps

#include "madx/programs/mixed_text.h"

#include "madx/core/error.h"
#include "madx/data/raw_text.h"
#include "madx/data/utf8.h"

namespace madx {

MixedText read_mixed_text(const std::string& path) {
  MixedText text;
  size_t number = 0;
  for (const std::string& line : read_utf8_lines(path)) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto tab = line.find('\t');
    auto words =
        tab == std::string::npos ? std::vector<std::string>() : split_words(line.substr(tab + 1));
    if (words.empty() || tab == 0) {
      input_error(path, ":", number, ": expected a language, a tab and a sentence, but found \"",
                  line.substr(0, 40), "\"");
    }
    const auto size = words.size();
    text.languages.push_back(line.substr(0, tab));
    text.sentences.push_back({std::move(words), std::vector<std::string>(size, "O")});
  }
  if (text.sentences.empty())
    input_error(path, ": expected a language, a tab and a sentence a line, but found no lines");
  return text;
}

}  // namespace madx

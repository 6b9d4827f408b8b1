#include "apps/command_line/mixed_text.h"

#include <algorithm>

#include "madx/core/error.h"
#include "madx/data/invisible.h"
#include "madx/data/raw_text.h"
#include "madx/data/utf8.h"

namespace madx::apps {
namespace {

/// A space may be in a name, but nothing that cannot be seen.
bool is_name(std::string_view language) {
  const auto hidden = [](std::string_view c) { return c != " " && is_invisible(c); };
  const auto code_points = split_utf8(language);
  return !language.empty() && std::none_of(code_points.begin(), code_points.end(), hidden);
}

}  // namespace

MixedText read_mixed_text(const std::string& path) {
  MixedText text;
  size_t number = 0;
  for (const std::string& line : read_utf8_lines(path)) {
    ++number;
    if (is_blank(line)) {
      text.passed_over.push_back(number);
      continue;
    }
    const auto tab = std::min(line.find('\t'), line.size());
    const std::string language(trim_invisible(std::string_view(line).substr(0, tab)));
    auto words =
        tab == line.size() ? std::vector<std::string>() : split_words(line.substr(tab + 1));
    if (words.empty() || !is_name(language)) {
      input_error(path, ":", number, ": expected a language, a tab and a sentence, but found ",
                  in_quotes(line), "; write them on one line");
    }
    const auto size = words.size();
    text.languages.push_back(language);
    text.sentences.push_back({std::move(words), std::vector<std::string>(size, "O")});
  }
  if (text.sentences.empty())
    input_error(path, ": expected a language, a tab and a sentence a line, but found no lines");
  return text;
}

}  // namespace madx::apps

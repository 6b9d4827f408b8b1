#include "apps/command_line/text_files.h"

#include <charconv>
#include <iostream>

#include "madx/core/error.h"
#include "madx/data/invisible.h"
#include "madx/data/raw_text.h"

namespace madx::apps {
namespace {

/// The column that "KEY=NUMBER" names; 0 for another form.
std::size_t column_of(std::string_view part, std::string_view key) {
  if (part.substr(0, key.size()) != key) return 0;
  part.remove_prefix(key.size());
  std::size_t column = 0;
  const auto result = std::from_chars(part.data(), part.data() + part.size(), column);
  return result.ec == std::errc() && result.ptr == part.data() + part.size() ? column : 0;
}

}  // namespace

ConllColumns parse_conll_columns(const std::string& text) {
  ConllColumns columns;
  bool fits = true;
  for (std::size_t begin = 0; begin <= text.size() && fits;) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = std::string_view(text).substr(begin, end - begin);
    const std::size_t token = column_of(part, "token="), tag = column_of(part, "tag=");
    std::size_t& column = token != 0 ? columns.token : columns.tag;
    fits = token + tag != 0 && column == 0;  // named, and for the first time
    column = token + tag;
    begin = end + 1;
  }
  if (!fits || columns.token == columns.tag) {
    input_error("--columns: expected different columns for token and tag, counted from 1, as in ",
                "token=2,tag=3, but found ", in_quotes(text));
  }
  return columns;
}

void ConllFlags::add_to(CLI::App& app) {
  app.add_option_function<std::string>(
      "--columns", [this](const std::string& text) { columns_ = parse_conll_columns(text); },
      "Columns of token and tag in CoNLL files, counted from 1, e.g. token=2,tag=3 (default: "
      "inferred from the file)");
}

std::vector<TaggedSentence> ConllFlags::read(const std::string& path) const {
  auto file = read_conll_file(path, columns_);
  const auto [token, tag] = file.columns;
  if ((token != 1 || tag != file.width) && said_.insert(path).second) {
    std::cout << path << ": the token is in column " << token << ", the tag in column " << tag
              << " of " << file.width << "\n";
  }
  return std::move(file.sentences);
}

void ConllFlags::describe(Recipe& recipe) const {
  const auto text = [](std::size_t column) {
    return column == 0 ? std::string("as the file shows") : std::to_string(column);
  };
  recipe.settings["--columns token"] = text(columns_.token);
  recipe.settings["--columns tag"] = text(columns_.tag);
}

std::vector<TaggedSentence> read_text_to_tag(const std::string& path) {
  auto text = read_raw_text(path);
  say_passed_over(path, text.passed_over);
  std::vector<TaggedSentence> sentences;
  for (auto& words : text.sentences) {
    const auto size = words.size();
    sentences.push_back({std::move(words), std::vector<std::string>(size, "O")});
  }
  return sentences;
}

void say_passed_over(const std::string& path, const std::vector<std::size_t>& lines) {
  constexpr std::size_t kShown = 10;
  if (lines.empty()) return;
  std::cout << path << ": " << lines.size()
            << (lines.size() == 1 ? " line without a word has" : " lines without a word have")
            << " no sentence in the output: ";
  for (std::size_t i = 0; i < lines.size() && i < kShown; ++i)
    std::cout << (i == 0 ? "" : ", ") << lines[i];
  std::cout << (lines.size() > kShown ? ", ...\n" : "\n");
}

}  // namespace madx::apps

#include "madx/data/conll.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

struct TokenLine {
  std::size_t number;
  std::string_view token;
  std::string_view tag;
  bool begins_sentence;
};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Tabs separate where there are any, so that a token may hold a space ("New York\tB-LOC").
std::vector<std::string_view> split_columns(std::string_view line) {
  line = trim(line);
  const char separator = line.find('\t') == std::string_view::npos ? ' ' : '\t';
  std::vector<std::string_view> columns;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(separator), line.size());
    columns.push_back(trim(line.substr(0, end)));
    line = trim(line.substr(end));
  }
  return columns;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool is_comment(std::string_view line) { return starts_with(line, "# "); }

/// `width`: columns of the file's token lines.
bool is_token_after_all(const std::vector<std::string_view>& columns, std::size_t width) {
  return columns.front() == "#" && columns.size() == width && is_tag(columns.back());
}

/// Columns of the first line that is a token for certain; two where there is none.
std::size_t column_count(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (is_comment(line)) continue;
    const auto columns = split_columns(line);
    if (!columns.empty() && columns.front() != "-DOCSTART-") return columns.size();
  }
  return 2;
}

/// The user's text in a message of one line: cut to a readable length, control characters replaced.
std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 40;
  const auto code_points = split_utf8(text);
  const bool cut = code_points.size() > kShown;
  std::string shown(text.data(), cut ? code_points[kShown].data() : text.data() + text.size());
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return '"' + shown + (cut ? "...\"" : "\"");
}

std::vector<TokenLine> token_lines(const std::string& path, const std::vector<std::string>& lines) {
  const std::size_t width = column_count(lines);
  std::vector<TokenLine> tokens;
  bool begins_sentence = true;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto columns = split_columns(lines[i]);
    if (columns.empty() || columns.front() == "-DOCSTART-") {
      begins_sentence = true;
      continue;
    }
    if (is_comment(lines[i]) && !is_token_after_all(columns, width)) continue;

    if (columns.size() == 1) {
      input_error(path, ":", i + 1,
                  ": expected a token and its tag, but found one column: ", quoted(columns[0]),
                  "; separate token and tag by a tab or spaces");
    }
    if (!is_tag(columns.back())) {
      input_error(path, ":", i + 1, ": expected a tag such as O or B-PER in the last column, but ",
                  "found ", quoted(columns.back()), "; use tags of IOB1, IOB2 or BIOES");
    }
    tokens.push_back({i + 1, columns.front(), columns.back(), begins_sentence});
    begins_sentence = false;
  }
  return tokens;
}

/// The language code and colon that `token` begins with, as in WikiANN's "en:" and "zh-yue:"; empty
/// without one. "simple" is the one code there whose first part has more than three letters.
std::string_view language_prefix(std::string_view token) {
  const std::size_t colon = token.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view code = token.substr(0, colon);
  const std::size_t first_part = std::min(code.find('-'), code.size());
  const bool known_length = first_part == 2 || first_part == 3 || code == "simple";
  const bool letters = std::all_of(code.begin(), code.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
  return known_length && letters ? token.substr(0, colon + 1) : std::string_view{};
}

void strip_language_prefix(const std::string& path, std::vector<TokenLine>& lines) {
  const std::string_view prefix = language_prefix(lines.front().token);
  const bool everywhere =
      !prefix.empty() && std::all_of(lines.begin(), lines.end(), [&](const TokenLine& line) {
        return starts_with(line.token, prefix);
      });
  if (!everywhere) return;

  for (TokenLine& line : lines) {
    line.token.remove_prefix(prefix.size());
    if (line.token.empty()) {
      input_error(path, ":", line.number, ": expected a token after the prefix \"", prefix,
                  "\" that every line has, but found none; remove the line");
    }
  }
}

std::vector<TaggedSentence> sentences_of(const std::string& path,
                                         const std::vector<std::string>& text) {
  std::vector<TokenLine> lines = token_lines(path, text);
  if (lines.empty()) {
    input_error(path, ": expected sentences, a token and its tag a line, but found ",
                text.empty() ? "an empty file" : "no such line", "; check that it is a CoNLL file");
  }
  strip_language_prefix(path, lines);

  std::vector<TaggedSentence> sentences;
  for (const TokenLine& line : lines) {
    if (line.begins_sentence) sentences.emplace_back();
    sentences.back().tokens.emplace_back(line.token);
    sentences.back().tags.emplace_back(line.tag);
  }
  return sentences;
}

}  // namespace

std::vector<TaggedSentence> read_conll(const std::string& path) {
  return sentences_of(path, read_utf8_lines(path));
}

std::vector<TaggedSentence> parse_conll(const std::string& path, std::string_view text) {
  return sentences_of(path, split_utf8_lines(path, text));
}

void write_columns(std::ostream& out, const std::vector<std::vector<std::string>>& columns) {
  for (const auto& column : columns) {
    if (column.size() != columns.front().size()) {
      throw std::invalid_argument("write_columns: expected columns of one length, but got " +
                                  std::to_string(columns.front().size()) + " and " +
                                  std::to_string(column.size()));
    }
  }
  const std::size_t tokens = columns.empty() ? 0 : columns.front().size();
  for (std::size_t i = 0; i < tokens; ++i) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) out << '\t';
      out << columns[c][i];
    }
    out << '\n';
  }
  out << '\n';
}

}  // namespace madx

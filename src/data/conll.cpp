#include "madx/data/conll.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "conll_layout.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/data/invisible.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

struct TokenLine {
  std::size_t number;
  std::size_t block;
  std::string_view token;
  std::string_view tag;
};

/// Whether the text, without what is invisible at its ends, is a tag of this file.
bool is_tag_of(const ConllLayout& layout, std::string_view text) {
  return layout.scheme == TagScheme::kPlain ? !text.empty() : is_tag(text);
}

/// Whether the line, which has the tokens' place in the file, is no token.
bool is_passed_over(const ConllLine& line, const ConllLayout& layout, std::size_t width) {
  if (line.may_be_comment) {
    return layout.has_index || line.columns.size() != width ||
           !is_tag_of(layout, trim_invisible(line.columns[layout.columns.tag - 1]));
  }
  return layout.has_index && parse_conll_index(line.columns[0]).kind != ConllIndex::Kind::kWord;
}

[[noreturn]] void refuse_tag(const std::string& path, const ConllLine& line,
                             const ConllLayout& layout, std::size_t width) {
  const auto [token, tag] = layout.columns;
  const std::string_view found = trim_invisible(line.columns[tag - 1]);
  const auto column = tag == width ? "the last column" : "column " + std::to_string(tag);
  if (found.empty()) {
    input_error(path, ":", line.number, ": expected a token and its tag, but found nothing in ",
                column, ", the tag's; give each token a tag, O where it is in no entity");
  }
  const auto advice = layout.also_tagged == 0
                          ? std::string()
                          : ", or name the columns: token=" + std::to_string(token) +
                                ",tag=" + std::to_string(layout.also_tagged);
  input_error(path, ":", line.number, ": expected a tag such as O or B-PER in ", column,
              ", but found ", in_quotes(found), "; use tags of IOB1, IOB2 or BIOES", advice);
}

/// Such a character between two columns of a line is a line end of another program, and the line
/// several. In a token it may be text.
void refuse_other_line_ends(const std::string& path, const ConllLine& line, std::size_t token) {
  for (std::size_t column = 1; column <= line.columns.size(); ++column) {
    const std::string_view text = trim_invisible(line.columns[column - 1]);
    for (const std::string_view end :
         {"\v", "\f", "\x1C", "\x1D", "\x1E", "\u0085", "\u2028", "\u2029"}) {
      if (column == token || text.find(end) == std::string_view::npos) continue;
      input_error(path, ":", line.number,
                  ": expected lines that end in LF, CR LF or CR, but found ", in_quotes(text),
                  " in column ", column, "; write the file with other line ends");
    }
  }
}

std::vector<TokenLine> token_lines(const std::string& path, const std::vector<ConllLine>& lines,
                                   const ConllLayout& layout, std::size_t width) {
  std::vector<TokenLine> tokens;
  for (const ConllLine& line : lines) {
    if (is_passed_over(line, layout, width)) continue;
    refuse_other_line_ends(path, line, layout.columns.token);
    const std::string_view tag = trim_invisible(line.columns[layout.columns.tag - 1]);
    if (!is_tag_of(layout, tag)) refuse_tag(path, line, layout, width);
    tokens.push_back({line.number, line.block, line.columns[layout.columns.token - 1], tag});
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

/// A token without text has no prefix, and says nothing about those of the others.
void strip_language_prefix(const std::string& path, std::vector<TokenLine>& lines) {
  const bool everywhere = std::all_of(lines.begin(), lines.end(), [&](const TokenLine& line) {
    return line.token.empty() || !language_prefix(line.token).empty();
  });
  if (!everywhere) return;

  for (TokenLine& line : lines) {
    if (line.token.empty()) continue;
    const auto prefix = language_prefix(line.token);
    line.token.remove_prefix(prefix.size());
    if (line.token.empty()) {
      input_error(path, ":", line.number, ": expected a token after the prefix ", in_quotes(prefix),
                  ", as every line has one, but found none; remove the line");
    }
  }
}

ConllFile parse(const std::string& path, const std::vector<std::string>& text, ConllColumns columns,
                TagScheme scheme) {
  auto lines = split_conll_lines(text);
  const std::size_t width = require_equal_width(path, lines);
  const ConllLayout layout = find_conll_layout(path, lines, width, columns, scheme);
  std::vector<TokenLine> tokens = token_lines(path, lines, layout, width);
  if (tokens.empty()) {
    input_error(path, ": expected sentences, a token and its tag a line, but found ",
                text.empty() ? "an empty file" : "no such line", "; check that it is a CoNLL file");
  }
  strip_language_prefix(path, tokens);

  ConllFile file;
  file.columns = layout.columns;
  file.width = width;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i == 0 || tokens[i].block != tokens[i - 1].block) file.sentences.emplace_back();
    file.sentences.back().tokens.emplace_back(tokens[i].token);
    file.sentences.back().tags.emplace_back(tokens[i].tag);
  }
  return file;
}

}  // namespace

ConllFile read_conll_file(const std::string& path, ConllColumns columns, TagScheme scheme) {
  return parse(path, read_utf8_lines(path), columns, scheme);
}

std::vector<TaggedSentence> read_conll(const std::string& path) {
  return read_conll_file(path).sentences;
}

std::vector<TaggedSentence> parse_conll(const std::string& path, std::string_view text) {
  return parse(path, split_utf8_lines(path, text), {}, TagScheme::kSpans).sentences;
}

void write_columns(std::ostream& out, const std::vector<std::vector<std::string>>& columns) {
  for (const auto& column : columns) {
    TORCH_CHECK(column.size() == columns.front().size(),
                "write_columns: expected columns of one length, but got ", columns.front().size(),
                " and ", column.size());
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

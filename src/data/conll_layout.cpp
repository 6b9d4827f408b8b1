#include "conll_layout.h"

#include <algorithm>
#include <functional>

#include "madx/core/error.h"
#include "madx/data/invisible.h"

namespace madx {
namespace {

using Kind = ConllIndex::Kind;
using Lines = std::vector<const ConllLine*>;

constexpr const char* kNameColumns = "name the columns, as in token=2,tag=3";

/// What the first column has, seen as an index.
struct FirstColumn {
  std::size_t numbers = 0;
  std::size_t in_place = 0;  // with a number one above the line before, or 0 or 1 in a first line
  std::size_t empty = 0;
  bool counts = false;                      // some number is one above the one before it
  bool repeats = false;                     // some line has what the line before has
  bool changes = false;                     // some line has not
  const ConllLine* no_number = nullptr;     // the first such line
  const ConllLine* out_of_order = nullptr;  // the first such line
};

/// The number in "12", "12.", "(12)" or "w12"; -1 where there is none, or more.
std::int64_t number_in(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  const std::size_t begin = text.find_first_of(kDigits);
  if (begin == std::string_view::npos) return -1;
  text = text.substr(begin, text.find_last_of(kDigits) - begin + 1);
  const ConllIndex index = parse_conll_index(text);
  return index.kind == Kind::kWord ? index.value : -1;
}

FirstColumn look_at_first_column(const Lines& tokens) {
  FirstColumn column;
  const ConllLine* before = nullptr;
  std::int64_t last = -1;
  for (const ConllLine* line : tokens) {
    const std::string_view text = line->columns[0];
    const ConllIndex index = parse_conll_index(text);
    column.empty += text.empty() ? 1 : 0;
    column.numbers += index.kind != Kind::kNone ? 1 : 0;
    if (index.kind == Kind::kNone && column.no_number == nullptr) column.no_number = line;
    if (index.kind == Kind::kRange || index.kind == Kind::kEmptyNode) continue;

    const std::int64_t number = number_in(text);
    if (before == nullptr || before->block != line->block) {
      if (number == 0 || number == 1) ++column.in_place;
    } else {
      (text == before->columns[0] ? column.repeats : column.changes) = true;
      if (number > 0 && number == last + 1) {
        ++column.in_place;
        column.counts = true;
      } else if (column.out_of_order == nullptr) {
        column.out_of_order = line;
      }
    }
    before = line;
    last = number;
  }
  return column;
}

/// Whether the first column counts tokens. One that may or may not is refused, and so is one that
/// has something else than tokens: it would be taken for them.
bool counts_tokens(const std::string& path, const FirstColumn& first, const Lines& tokens) {
  const auto refuse = [&](const ConllLine& line, const std::string& found) {
    input_error(path, ":", line.number,
                ": expected tokens in the first column, or numbers that count the tokens of each "
                "sentence, but found ",
                found, "; ", kNameColumns);
  };
  if (first.numbers == tokens.size()) {
    if (first.out_of_order != nullptr) {
      refuse(*first.out_of_order,
             "numbers alone, out of order at " + in_quotes(first.out_of_order->columns[0]));
    }
    if (!first.counts) refuse(*tokens[0], "numbers alone, and no sentence of two tokens");
    return true;
  }
  if (first.counts && 2 * first.in_place > tokens.size()) {
    refuse(*first.no_number, "numbers, and " + in_quotes(first.no_number->columns[0]));
  }
  if (2 * first.empty > tokens.size()) refuse(*tokens[0], "nothing in most lines");
  if (first.repeats && !first.changes) refuse(*tokens[0], "the same in all lines of a sentence");
  return false;
}

std::string joined(const std::vector<std::size_t>& columns) {
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == columns.size() ? " and " : ", ") + std::to_string(columns[i]);
  }
  return text;
}

bool has_tag(const ConllLine& line, std::size_t column) {
  return is_tag(trim_invisible(line.columns[column - 1]));
}

/// Columns after the token's and the index that have a tag in every line.
std::vector<std::size_t> tagged_columns(const Lines& tokens, const ConllLayout& layout,
                                        std::size_t width) {
  std::vector<std::size_t> tagged;
  for (std::size_t column = layout.has_index ? 2 : 1; column <= width; ++column) {
    if (column == layout.columns.token) continue;
    const bool everywhere = std::all_of(tokens.begin(), tokens.end(), [&](const ConllLine* line) {
      return has_tag(*line, column);
    });
    if (everywhere) tagged.push_back(column);
  }
  return tagged;
}

void find_tag_column(const std::string& path, const Lines& tokens, std::size_t width,
                     ConllLayout& layout) {
  const auto tagged = tagged_columns(tokens, layout, width);
  const bool last_has_tags = std::any_of(
      tokens.begin(), tokens.end(), [&](const ConllLine* line) { return has_tag(*line, width); });
  // Without an index the last of several is the tag, as in CoNLL-2003, whose phrases are tags, too.
  if (tagged.size() > 1 && (layout.has_index || !last_has_tags)) {
    input_error(path, ": expected one column of tags, but found one in every line of the columns ",
                joined(tagged), "; ", kNameColumns);
  }
  layout.columns.tag = last_has_tags || tagged.empty() ? width : tagged[0];
  if (!tagged.empty() && tagged[0] != layout.columns.tag) layout.also_tagged = tagged[0];
}

void require_within(const std::string& path, std::size_t column, std::size_t width,
                    const std::vector<ConllLine>& lines) {
  if (column <= width || lines.empty()) return;
  input_error(path, ":", lines.front().number, ": expected a column ", column,
              ", which was named, but found ", width, " columns; count them from 1");
}

}  // namespace

ConllLayout find_conll_layout(const std::string& path, const std::vector<ConllLine>& lines,
                              std::size_t width, ConllColumns given, TagScheme scheme) {
  require_within(path, std::max(given.token, given.tag), width, lines);
  Lines tokens;
  for (const ConllLine& line : lines) {
    if (!line.may_be_comment) tokens.push_back(&line);
  }
  ConllLayout layout;
  layout.columns = given;
  layout.scheme = scheme;
  if (tokens.empty()) {
    layout.columns = {given.token == 0 ? 1 : given.token, given.tag == 0 ? width : given.tag};
    return layout;
  }

  const FirstColumn first = look_at_first_column(tokens);
  if (given.token != 0) {
    layout.has_index = given.token != 1 && first.numbers == tokens.size() && first.counts &&
                       first.out_of_order == nullptr;
  } else if (width > 2) {
    layout.has_index = counts_tokens(path, first, tokens);
  }
  if (given.token == 0) layout.columns.token = layout.has_index ? 2 : 1;

  const auto is_word = [&](const ConllLine* line) {
    return !layout.has_index || parse_conll_index(line->columns[0]).kind == Kind::kWord;
  };
  tokens.erase(std::remove_if(tokens.begin(), tokens.end(), std::not_fn(is_word)), tokens.end());
  if (given.tag == 0 && scheme == TagScheme::kPlain) layout.columns.tag = width;
  if (given.tag == 0 && scheme == TagScheme::kSpans) find_tag_column(path, tokens, width, layout);
  if (layout.columns.token == layout.columns.tag) {
    input_error(path, ": expected the tag in another column than the token, but found both in ",
                "column ", layout.columns.tag, "; ", kNameColumns);
  }
  return layout;
}

}  // namespace madx

#include "conll_lines.h"

#include <algorithm>
#include <charconv>

#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/data/invisible.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

std::string_view trim_spaces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return text.substr(0, 0);
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// `line` without byte order marks before it, as files have that were joined. A mark that is all
/// there is of a token stays.
std::string_view without_marks(std::string_view line) {
  while (starts_with(line, kByteOrderMark)) {
    const std::string_view rest = line.substr(kByteOrderMark.size());
    if (starts_with(rest, " ") || starts_with(rest, "\t")) break;
    line = rest;
  }
  return line;
}

/// Tabs separate where there are any, so that a token may hold a space ("New York\tB-LOC").
std::vector<std::string_view> split_columns(std::string_view line) {
  std::vector<std::string_view> columns;
  if (line.find('\t') != std::string_view::npos) {
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find('\t', begin), line.size());
      columns.push_back(trim_spaces(line.substr(begin, end - begin)));
      begin = end + 1;
    }
    return columns;
  }
  for (line = trim_spaces(line); !line.empty(); line = trim_spaces(line)) {
    columns.push_back(line.substr(0, std::min(line.find(' '), line.size())));
    line.remove_prefix(columns.back().size());
  }
  while (columns.size() > 1 && is_blank(columns.back())) columns.pop_back();
  return columns;
}

bool begins_document(const std::vector<std::string_view>& columns) {
  constexpr std::string_view kMark = "-DOCSTART-";
  return columns[0] == kMark || (columns.size() > 1 && columns[1] == kMark &&
                                 parse_conll_index(columns[0]).kind == ConllIndex::Kind::kWord);
}

bool begins_with_space(const ConllLine& line) {
  return line.text[0] == ' ' && line.text.find('\t') == std::string_view::npos;
}

}  // namespace

std::vector<ConllLine> split_conll_lines(const std::vector<std::string>& text) {
  std::vector<ConllLine> lines;
  std::size_t block = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view line = without_marks(text[i]);
    auto columns = is_blank(line) ? std::vector<std::string_view>() : split_columns(line);
    if (columns.empty() || begins_document(columns)) {
      ++block;
      continue;
    }
    lines.push_back({i + 1, block, line, std::move(columns), starts_with(line, "# ")});
  }
  return lines;
}

std::size_t require_equal_width(const std::string& path, std::vector<ConllLine>& lines) {
  const ConllLine* first = nullptr;
  for (const ConllLine& line : lines) {
    if (line.may_be_comment) continue;
    if (first == nullptr || begins_with_space(*first)) first = &line;
    if (!begins_with_space(*first)) break;
  }
  const std::size_t width = first == nullptr ? 2 : first->columns.size();

  for (ConllLine& line : lines) {
    if (line.may_be_comment) continue;
    auto& columns = line.columns;
    if (columns.size() + 1 == width && begins_with_space(line)) {
      columns.insert(columns.begin(), line.text.substr(0, 0));
    }
    if (columns.size() == 1) {
      input_error(path, ":", line.number,
                  ": expected a token and its tag, but found one column: ", in_quotes(columns[0]),
                  "; separate token and tag by a tab or spaces");
    }
    if (columns.size() != width && starts_with(first->text, "#")) {  // a comment, in most files
      input_error(path, ":", first->number, ": expected ", columns.size(), " columns, as in line ",
                  line.number, ", but found ", width, ": ", in_quotes(first->text),
                  "; give the line of each token the same columns, and begin comments with \"# \"");
    }
    if (columns.size() != width) {
      input_error(path, ":", line.number, ": expected ", width, " columns, as in line ",
                  first->number, ", but found ", columns.size(), ": ", in_quotes(line.text),
                  "; give the line of each token the same columns");
    }
  }
  return width;
}

ConllIndex parse_conll_index(std::string_view column) {
  using Kind = ConllIndex::Kind;
  column = trim_invisible(column);
  const char* const end = column.data() + column.size();
  const auto digits = [&](const char* begin, std::int64_t& value) {
    return begin != end && *begin != '-'
               ? std::from_chars(begin, end, value)
               : std::from_chars_result{begin, std::errc::invalid_argument};
  };
  std::int64_t value = 0, second = 0;
  const auto first = digits(column.data(), value);
  if (first.ec != std::errc()) return {};
  if (first.ptr == end) return {Kind::kWord, value};
  if (*first.ptr != '-' && *first.ptr != '.') return {};
  const auto rest = digits(first.ptr + 1, second);
  if (rest.ec != std::errc() || rest.ptr != end) return {};
  return {*first.ptr == '-' ? Kind::kRange : Kind::kEmptyNode, value};
}

}  // namespace madx

#pragma once

#include <string>
#include <vector>

namespace madx::apps {

/// A cell: markup, and a class of the style sheet ("best") or none.
struct HtmlCell {
  std::string html;
  std::string kind;
};

/// A cell of plain text, escaped.
HtmlCell text_cell(const std::string& text);

struct HtmlRow {
  std::vector<HtmlCell> cells;  ///< the first one names the row
  std::string kind;             ///< class of the whole row: "mean"
};

struct HtmlTable {
  std::string caption;              ///< plain text
  std::vector<std::string> header;  ///< plain text, one a column
  std::vector<HtmlRow> rows;
  size_t text_columns = 1;  ///< flush left; the figures after them flush right
};

/// The table in a box of its own, which scrolls where the screen is narrower. Throws
/// std::invalid_argument for a row that has not as many cells as the header.
std::string html_table(const HtmlTable& table);

}  // namespace madx::apps

#include "apps/report/html_table.h"

#include <stdexcept>

#include "apps/report/html.h"

namespace madx::apps {
namespace {

std::string class_of(const std::string& kind, bool is_text) {
  std::string names = is_text ? "text" : "";
  if (!kind.empty()) names += (names.empty() ? "" : " ") + kind;
  return names.empty() ? "" : " class=\"" + names + "\"";
}

}  // namespace

HtmlCell text_cell(const std::string& text) { return {escape_html(text), ""}; }

std::string html_table(const HtmlTable& table) {
  const std::string caption = escape_html(table.caption);
  std::string html = "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"" + caption +
                     "\"><table><caption>" + caption + "</caption>\n<thead><tr>";
  for (size_t i = 0; i < table.header.size(); ++i) {
    html += "<th scope=\"col\"" + class_of("", i < table.text_columns) + ">" +
            escape_html(table.header[i]) + "</th>";
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const HtmlRow& row : table.rows) {
    if (row.cells.size() != table.header.size()) {
      throw std::invalid_argument("html_table: expected " + std::to_string(table.header.size()) +
                                  " cells in a row of \"" + table.caption + "\", but got " +
                                  std::to_string(row.cells.size()));
    }
    html += "<tr" + class_of(row.kind, false) + ">";
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const std::string attributes = class_of(row.cells[i].kind, i < table.text_columns);
      html += i == 0 ? "<th scope=\"row\"" + attributes + ">" + row.cells[i].html + "</th>"
                     : "<td" + attributes + ">" + row.cells[i].html + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace madx::apps

#include <map>
#include <set>

#include "apps/experiment/report/rows.h"
#include "apps/experiment/report/scores.h"
#include "apps/report/html_page.h"
#include "apps/report/html_table.h"

namespace madx::apps::detail {
namespace {

// Scores by type that a row has on a language, over seeds and the sources other than the language;
// on a language that is the only source, over its own. None of a row that has learned from labels
// of the language besides those of its source.
std::map<std::string, std::vector<double>> scores_by_type(const ExperimentResults& results,
                                                          const std::string& row,
                                                          const std::string& language) {
  std::map<std::string, std::vector<double>> by_type;
  for (const ExperimentScore& score : results.scores) {
    if (score.row != row || score.language != language) continue;
    const std::string source = score.source.substr(0, score.source.find('+'));
    if (source == language ? results.sources.size() > 1 : !is_under(score, source)) continue;
    for (const auto& [type, f1] : score.f1_by_type) by_type[type].push_back(f1);
  }
  return by_type;
}

std::string type_table(const ExperimentResults& results, const std::string& language) {
  std::map<std::string, std::map<std::string, std::vector<double>>> rows;
  std::set<std::string> types;
  for (const std::string& row : results.rows) {
    rows[row] = scores_by_type(results, row, language);
    for (const auto& [type, scores] : rows[row]) types.insert(type);
  }
  if (types.empty()) return "";
  HtmlTable table{
      "F1 (percent) on " + language + " by entity type, means over seeds" +
          (results.sources.size() > 1 ? " and over sources other than " + language : ""),
      {"row"},
      {}};
  table.header.insert(table.header.end(), types.begin(), types.end());
  for (const std::string& row : results.rows) {
    if (rows[row].empty()) continue;
    HtmlRow line{{text_cell(row)}, row == kMainRow ? "strong" : ""};
    for (const std::string& type : types) {
      const auto found = rows[row].find(type);
      line.cells.push_back(
          text_cell(found == rows[row].end() ? "–" : score_text(summarise(found->second).mean)));
    }
    table.rows.push_back(std::move(line));
  }
  return html_table(table);
}

}  // namespace

std::string types_section(const ExperimentResults& results) {
  constexpr size_t kOpen = 4;  // more tables than these are unfolded by who wants them
  std::vector<std::pair<std::string, std::string>> tables;
  for (const std::string& language : results.languages) {
    std::string table = type_table(results, language);
    if (!table.empty()) tables.emplace_back(language, std::move(table));
  }
  std::string html = "<section id=\"types\">\n<h2>By entity type</h2>\n";
  if (tables.empty()) html += "<p>No scores by type.</p>\n";
  for (const auto& [language, table] : tables)
    html += html_fold(language, table, /*open=*/tables.size() <= kOpen);
  return html + "</section>\n";
}

}  // namespace madx::apps::detail

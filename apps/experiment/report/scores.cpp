#include "apps/experiment/report/scores.h"

#include <algorithm>
#include <limits>

#include "apps/experiment/report/rows.h"
#include "apps/report/heat_map.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/html_table.h"

namespace madx::apps::detail {
namespace {

// Why cells are absent: each reason once, numbered in the order of the table.
class Footnotes {
 public:
  std::string mark(const std::string& reason) {
    auto found = std::find(reasons_.begin(), reasons_.end(), reason);
    if (found == reasons_.end()) found = reasons_.insert(reasons_.end(), reason);
    return "– <sup>" + std::to_string(found - reasons_.begin() + 1) + "</sup>";
  }

  std::string html() const {
    if (reasons_.empty()) return "";
    std::string html = "<p class=\"dim\">–: no score. ";
    for (size_t i = 0; i < reasons_.size(); ++i) {
      html += "<sup>" + std::to_string(i + 1) + "</sup> " + escape_html(reasons_[i]) +
              (i + 1 < reasons_.size() ? "; " : ".");
    }
    return html + "</p>\n";
  }

 private:
  std::vector<std::string> reasons_;
};

// Writes cells: figures, the best in bold, the mark of a difference to the baseline.
class CellWriter {
 public:
  CellWriter(const ExperimentResults& results, RowComparison& comparison, MarkCounts& marks)
      : baseline_(baseline_of(results)),
        seeds_(results.seeds.size()),
        comparison_(comparison),
        marks_(marks) {}

  HtmlCell cell(const ScoreCell& cell, const std::string& row, const std::vector<Pair>& pairs) {
    if (!cell.score) return {footnotes_.mark(cell.reason), "dim"};
    std::string html = score_text(cell.score->mean);
    if (cell.best) html = "<b>" + html + "</b>";
    if (cell.score->deviation)
      html += " <small>± " + score_text(*cell.score->deviation) + "</small>";
    if (static_cast<size_t>(cell.score->count) < seeds_) {
      html += " <small>(" + std::to_string(cell.score->count) + " of " + std::to_string(seeds_) +
              " seeds)</small>";
    }
    return {html + difference_mark(row, pairs), cell.best ? "best" : ""};
  }

  std::string footnotes() const { return footnotes_.html(); }

 private:
  std::string difference_mark(const std::string& row, const std::vector<Pair>& pairs) {
    if (row == baseline_ || baseline_.empty()) return "";
    const auto tested = comparison_.compare(row, baseline_, pairs);
    if (!tested) return "";
    ++marks_.tested;
    if (tested->p >= 0.05) return "";
    ++marks_.marked;
    const bool above = tested->difference > 0;
    const std::string words = std::string(above ? "above " : "below ") + baseline_ + " by " +
                              fixed(tested->difference) + ", p = " + p_text(tested->p);
    return " <span role=\"img\" class=\"" + std::string(above ? "above" : "below") + "\" title=\"" +
           escape_html(words) + "\" aria-label=\"" + escape_html(words) + "\">" +
           (above ? "▲" : "▼") + "</span>";
  }

  static std::string fixed(double difference) {
    return score_text(difference < 0 ? -difference : difference);
  }

  std::string baseline_;
  size_t seeds_;
  RowComparison& comparison_;
  MarkCounts& marks_;
  Footnotes footnotes_;
};

// The targets of one source that the means are over.
std::vector<Pair> pairs_of(const ExperimentResults& results, const std::string& source,
                           bool only_unseen) {
  std::vector<Pair> pairs = target_pairs(results, only_unseen);
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(),
                             [&](const Pair& pair) { return pair.first != source; }),
              pairs.end());
  return pairs;
}

std::string source_table(const ExperimentResults& results, const std::string& source,
                         RowComparison& comparison, MarkCounts& marks) {
  const ScoreTable scores = score_table(results, source);
  const std::vector<Pair> targets = pairs_of(results, source, false);
  const std::vector<Pair> unseen = pairs_of(results, source, true);
  CellWriter writer(results, comparison, marks);
  HtmlTable table{"Entity F1 (percent, exact match), labels in " + source, {"row"}, {}};
  // The means first: a table of many languages is wider than the screen.
  if (scores.has_unseen) table.header.push_back("unseen targets");
  table.header.push_back("targets");
  for (const std::string& language : scores.languages) {
    table.header.push_back(language == source             ? language + " (source)"
                           : is_unseen(results, language) ? language + " (unseen)"
                                                          : language);
  }
  for (const ScoreTableLine& line : scores.lines) {
    HtmlRow row{{text_cell(line.name)}, line.name == kMainRow ? "strong" : ""};
    if (scores.has_unseen) row.cells.push_back(writer.cell(line.unseen, line.name, unseen));
    row.cells.push_back(writer.cell(line.targets, line.name, targets));
    for (size_t i = 0; i < line.cells.size(); ++i)
      row.cells.push_back(writer.cell(line.cells[i], line.name, {{source, scores.languages[i]}}));
    table.rows.push_back(std::move(row));
  }
  return html_table(table) + writer.footnotes();
}

// The means of several sources: a column a source, then all pairs, then those of unseen targets.
std::string means_table(const ExperimentResults& results, RowComparison& comparison,
                        MarkCounts& marks) {
  HtmlTable table{
      "Entity F1 (percent, exact match), means over targets by source of the labels", {"row"}, {}};
  std::vector<std::vector<Pair>> columns;
  for (const std::string& source : results.sources) {
    table.header.push_back("from " + source);
    columns.push_back(pairs_of(results, source, false));
  }
  table.header.push_back("all pairs");
  columns.push_back(target_pairs(results, false));
  const std::vector<Pair> unseen = target_pairs(results, true);
  if (!unseen.empty()) {
    table.header.push_back("unseen targets");
    columns.push_back(unseen);
  }
  CellWriter writer(results, comparison, marks);
  for (const std::string& row : results.rows)
    table.rows.push_back({{text_cell(row)}, row == kMainRow ? "strong" : ""});
  for (const std::vector<Pair>& pairs : columns) {
    std::vector<ScoreCell> column;
    for (const std::string& row : results.rows) {
      ScoreCell cell{pairs.empty() ? std::nullopt : mean_over(results, row, pairs), false, ""};
      if (!cell.score)
        cell.reason =
            pairs.empty() ? "no target has a score" : "no seed has scores for all targets";
      column.push_back(std::move(cell));
    }
    std::vector<ScoreCell*> cells;
    for (ScoreCell& cell : column) cells.push_back(&cell);
    mark_best(cells);
    for (size_t i = 0; i < column.size(); ++i)
      table.rows[i].cells.push_back(writer.cell(column[i], results.rows[i], pairs));
  }
  return html_table(table) + writer.footnotes();
}

std::string gain_map(const ExperimentResults& results) {
  const std::string baseline = baseline_of(results);
  if (baseline.empty() || !has_scores(results, kMainRow)) return "";
  const ScoreTable main = transfer_table(results, kMainRow);
  const ScoreTable other = transfer_table(results, baseline);
  HeatMap map{std::string("F1 of ") + kMainRow + " minus that of " + baseline,
              "source",
              "target",
              results.sources,
              results.languages,
              {}};
  for (size_t i = 0; i < main.lines.size(); ++i) {
    std::vector<double> row;
    for (size_t j = 0; j < results.languages.size(); ++j) {
      const auto& a = main.lines[i].cells[j].score;
      const auto& b = other.lines[i].cells[j].score;
      row.push_back(a && b ? a->mean - b->mean : std::numeric_limits<double>::quiet_NaN());
    }
    map.values.push_back(std::move(row));
  }
  return html_figure(heat_map_svg(map), "Points of F1, means over seeds: blue where " +
                                            std::string(kMainRow) +
                                            " is better, orange where it is worse.");
}

std::string how_to_read(const ExperimentResults& results, const MarkCounts& marks) {
  const std::string baseline = escape_html(baseline_of(results));
  std::string html = "<p class=\"dim\">Bold: the best in each column. ";
  if (results.seeds.size() > 1) {
    html +=
        "±: sample standard deviation over " + std::to_string(results.seeds.size()) + " seeds. ";
  }
  html +=
      "A mean over targets excludes the source, and is given only where every target has a score. ";
  if (marks.tested == 0) {
    return html + "No difference is marked: " +
           (baseline.empty()
                ? std::string("there is no baseline.")
                : "no row has predictions to compare with those of " + baseline + ".") +
           "</p>\n";
  }
  return html + "▲ and ▼: above or below " + baseline +
         " with p &lt; 0.05, two-sided, by a paired bootstrap: the sentences of a test set are "
         "resampled " +
         std::to_string(kResamples) +
         " times with replacement, in the same way for both rows and for every source; each time, "
         "F1 (micro, exact spans) is recomputed from each sentence's numbers of gold, predicted "
         "and correct entities. Seeds are pooled: these numbers are summed over the seeds that "
         "both rows have. For a mean, each language is resampled independently, and the "
         "differences are averaged. The random numbers have fixed seeds. p is not corrected for "
         "the number of comparisons.</p>\n";
}

}  // namespace

std::string scores_section(const ExperimentResults& results, RowComparison& comparison,
                           MarkCounts& marks) {
  std::string html = "<section id=\"scores\">\n<h2>Scores</h2>\n";
  if (results.sources.size() > 1) html += means_table(results, comparison, marks);
  std::string tables;
  for (const std::string& source : results.sources) {
    const std::string table = source_table(results, source, comparison, marks);
    tables += results.sources.size() > 1 ? html_fold("Labels in " + source, table) : table;
  }
  if (results.sources.size() > 1) {
    html += how_to_read(results, marks) + gain_map(results) + tables;
  } else {
    html += tables + how_to_read(results, marks);
  }
  return html + "</section>\n";
}

}  // namespace madx::apps::detail

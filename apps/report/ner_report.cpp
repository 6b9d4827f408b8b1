#include "apps/report/ner_report.h"

#include <limits>

#include "apps/report/bar_chart.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/html_table.h"
#include "apps/report/line_chart.h"
#include "apps/report/ner_examples.h"
#include "apps/report/ner_tables.h"
#include "apps/report/report_style.h"
#include "apps/report/svg.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

using detail::Table;

std::string what_was_run(const NerReport& report) {
  const NerResults& results = report.results;
  std::string html = "<dl>\n";
  html += html_fact("Setup", escape_html(results.setup));
  html += html_fact("Source language", escape_html(results.source));
  html += html_fact("Seed", std::to_string(results.seed));
  html += html_fact("Encoder", html_code(report.encoder));
  for (const auto& [name, directory] : report.adapters)
    html += html_fact("Adapter " + name, html_code(directory));
  if (results.train_seconds)
    html += html_fact("Training", detail::number(*results.train_seconds, 1) + " seconds");
  if (results.best_dev_f1)
    html += html_fact("Held-out F1", detail::number(*results.best_dev_f1, 2) + " %");
  if (!report.command_line.empty()) html += html_fact("Command", html_code(report.command_line));
  return html + "</dl>\n";
}

std::string to_html(const Table& table, const std::string& caption) {
  HtmlTable html{caption, table.header, {}, table.text_columns};
  for (const auto& cells : table.rows) {
    HtmlRow row{{}, cells.front() == detail::kMeanOfTargets ? "mean" : ""};
    for (const std::string& cell : cells) row.cells.push_back(text_cell(cell));
    html.rows.push_back(std::move(row));
  }
  return html_table(html);
}

std::string f1_chart(const NerResults& results) {
  BarChart chart{"F1 by language and setup",
                 "F1 (%)",
                 detail::languages_of(results),
                 detail::setups_of(results),
                 {}};
  for (const std::string& setup : chart.series) {
    std::vector<double> row;
    for (const std::string& language : chart.groups) {
      const NerScores* scores = detail::find_scores(results, setup, language);
      row.push_back(scores == nullptr ? std::numeric_limits<double>::quiet_NaN()
                                      : scores->micro.f1);
    }
    chart.values.push_back(std::move(row));
  }
  return bar_chart_svg(chart);
}

std::string scores_section(const NerResults& results) {
  std::string html = "<section id=\"scores\">\n<h2>Scores</h2>\n";
  html += to_html(detail::score_table(results, results.setup),
                  "Setup " + results.setup +
                      ", percent; an entity is correct if its boundaries and its type are");
  if (detail::setups_of(results).size() > 1)
    html += to_html(detail::setup_table(results), "F1 of all setups, percent");
  html += html_figure(f1_chart(results));
  html +=
      to_html(detail::type_table(results), "By entity type, setup " + results.setup + ", percent");
  return html + "</section>\n";
}

std::string training_section(const std::vector<MetricsRow>& rows) {
  LineChart chart = loss_chart(rows);
  chart.title = "Loss on the source language";
  return "<section id=\"training\">\n<h2>Training</h2>\n" + html_figure(line_chart_svg(chart)) +
         "</section>\n";
}

std::string contents(const NerReport& report) {
  std::string html = "<nav><a href=\"#scores\">Scores</a>";
  if (!report.training.empty()) html += "<a href=\"#training\">Training</a>";
  for (const NerPredictions& predictions : report.predictions) {
    const std::string language = escape_html(predictions.language);
    html += "<a href=\"#language-" + language + "\">" + language + "</a>";
  }
  return html + "</nav>\n";
}

}  // namespace

std::string ner_report_html(const NerReport& report) {
  const std::string title = "Zero-shot NER from " + report.results.source;
  std::string html = "<h1>" + escape_html(title) +
                     "</h1>\n<p class=\"lead\">Trained on labels in " +
                     escape_html(report.results.source) +
                     " only; labels in other languages are used for scoring.</p>\n";
  html += contents(report) + what_was_run(report) + scores_section(report.results);
  if (!report.training.empty()) html += training_section(report.training);
  for (const NerPredictions& predictions : report.predictions)
    html += detail::language_section(predictions);
  return html_page(title, detail::kReportStyle, html);
}

void write_ner_report(const std::string& path, const NerReport& report) {
  io::write_file(path, ner_report_html(report));
}

}  // namespace madx::apps

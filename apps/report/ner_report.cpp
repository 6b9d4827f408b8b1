#include "apps/report/ner_report.h"

#include <limits>

#include "apps/report/bar_chart.h"
#include "apps/report/html.h"
#include "apps/report/line_chart.h"
#include "apps/report/ner_examples.h"
#include "apps/report/ner_report_style.h"
#include "apps/report/ner_tables.h"
#include "apps/report/svg.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

using detail::Table;

std::string code(const std::string& text) {
  return "<code dir=\"ltr\">" + escape_html(text) + "</code>";
}

std::string fact(const std::string& name, const std::string& html) {
  return "<dt>" + escape_html(name) + "</dt><dd>" + html + "</dd>\n";
}

std::string what_was_run(const NerReport& report) {
  const NerResults& results = report.results;
  std::string html = "<dl>\n";
  html += fact("Setup", escape_html(results.setup));
  html += fact("Source language", escape_html(results.source));
  html += fact("Seed", std::to_string(results.seed));
  html += fact("Encoder", code(report.encoder));
  for (const auto& [name, directory] : report.adapters)
    html += fact("Adapter " + name, code(directory));
  if (results.train_seconds)
    html += fact("Training", detail::number(*results.train_seconds, 1) + " seconds");
  if (results.best_dev_f1)
    html += fact("Held-out F1", detail::number(*results.best_dev_f1, 2) + " %");
  if (!report.command_line.empty()) html += fact("Command", code(report.command_line));
  return html + "</dl>\n";
}

std::string to_html(const Table& table, const std::string& caption) {
  std::string html = "<div class=\"wide\"><table><caption>" + escape_html(caption) + "</caption>\n";
  const auto add_row = [&](const std::vector<std::string>& cells, const std::string& element,
                           const std::string& attributes) {
    html += "<tr" + attributes + ">";
    for (size_t i = 0; i < cells.size(); ++i) {
      html += "<" + element + (i < table.text_columns ? " class=\"text\">" : ">") +
              escape_html(cells[i]) + "</" + element + ">";
    }
    html += "</tr>\n";
  };
  add_row(table.header, "th", "");
  for (const auto& row : table.rows) {
    add_row(row, "td", row.front() == detail::kMeanOfTargets ? " class=\"mean\"" : "");
  }
  return html + "</table></div>\n";
}

std::string figure(const std::string& svg) { return "<figure>" + svg + "</figure>\n"; }

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
                      ", percent; an entity counts when its boundaries and its type are right");
  if (detail::setups_of(results).size() > 1)
    html += to_html(detail::setup_table(results), "F1 of all setups, percent");
  html += figure(f1_chart(results));
  html += to_html(detail::type_table(results),
                  "By type of entity, setup " + results.setup + ", percent");
  return html + "</section>\n";
}

std::string training_section(const std::vector<MetricsRow>& rows) {
  LineChart chart = loss_chart(rows);
  chart.title = "Loss on the source language";
  return "<section id=\"training\">\n<h2>Training</h2>\n" + figure(line_chart_svg(chart)) +
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
  const std::string title = "Zero-shot NER from " + escape_html(report.results.source);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>" +
      title + "</title>\n<style>" + detail::kNerReportStyle + "</style>\n</head>\n<body>\n";
  html += "<h1>" + title + "</h1>\n<p class=\"lead\">Trained on labels in " +
          escape_html(report.results.source) +
          " only; those of other languages serve to score.</p>\n";
  html += contents(report) + what_was_run(report) + scores_section(report.results);
  if (!report.training.empty()) html += training_section(report.training);
  for (const NerPredictions& predictions : report.predictions)
    html += detail::language_section(predictions);
  return html + "</body>\n</html>\n";
}

void write_ner_report(const std::string& path, const NerReport& report) {
  io::write_file(path, ner_report_html(report));
}

}  // namespace madx::apps

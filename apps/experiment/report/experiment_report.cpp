#include "apps/experiment/report/experiment_report.h"

#include "apps/experiment/report/charts.h"
#include "apps/experiment/report/costs.h"
#include "apps/experiment/report/examples.h"
#include "apps/experiment/report/headline.h"
#include "apps/experiment/report/limits.h"
#include "apps/experiment/report/rows.h"
#include "apps/experiment/report/scores.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/report_style.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

std::string contents(bool learned) {
  std::string html =
      "<nav aria-label=\"Contents\"><a href=\"#scores\">Scores</a><a href=\"#types\">Types</a>"
      "<a href=\"#bars\">Bars</a>";
  if (learned) html += "<a href=\"#learning\">Learning</a>";
  return html +
         "<a href=\"#costs\">Cost</a><a href=\"#examples\">Sentences</a>"
         "<a href=\"#limits\">What may be concluded</a></nav>\n";
}

std::string what_was_run(const ExperimentResults& results) {
  std::vector<std::string> seeds;
  for (const uint64_t seed : results.seeds) seeds.push_back(std::to_string(seed));
  return "<dl>\n" + html_fact("Labels in", escape_html(detail::list_text(results.sources))) +
         html_fact("Encoder", html_code(results.encoder)) +
         html_fact(seeds.size() == 1 ? "Seed" : "Seeds", escape_html(detail::list_text(seeds))) +
         "</dl>\n";
}

}  // namespace

std::string experiment_report_html(const ExperimentResults& results) {
  detail::RowComparison comparison(results);
  detail::MarkCounts marks;
  const std::string title = "Experiment " + results.name;
  const std::string headline = detail::headline(results, comparison);
  const std::string scores = detail::scores_section(results, comparison, marks);
  const std::string learning = detail::learning_section(results);
  return html_page(title, detail::kReportStyle,
                   "<h1>" + escape_html(title) + "</h1>\n<p class=\"headline\">" +
                       escape_html(headline) + "</p>\n" + contents(!learning.empty()) +
                       what_was_run(results) + scores + detail::types_section(results) +
                       detail::bars_section(results) + learning + detail::costs_section(results) +
                       detail::examples_section(results) +
                       detail::limits_section(results, comparison, marks));
}

void write_experiment_report(const std::string& path, const ExperimentResults& results) {
  io::write_file(path, experiment_report_html(results));
}

}  // namespace madx::apps

#include "apps/experiment/report/costs.h"

#include <algorithm>

#include "apps/experiment/report/rows.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/html_table.h"
#include "madx/core/plain_text.h"

namespace madx::apps::detail {
namespace {

// Figures that are 0 were not measured.
std::string or_dash(bool known, const std::string& text) { return known ? text : "–"; }

std::string hours_text(double seconds) {
  const double hours = seconds / 3600;
  return or_dash(seconds > 0, fixed_text(hours, hours < 0.1 ? 4 : 2));
}

std::string tokens_text(int64_t tokens) {
  const auto count = static_cast<double>(tokens);
  if (count >= 1e6) return fixed_text(count / 1e6, 1) + " M";
  return or_dash(tokens > 0, count >= 1e4 ? fixed_text(count / 1e3, 1) + " k" : exact_text(tokens));
}

std::string rate_text(int64_t tokens, double seconds) {
  const bool known = seconds > 0 && tokens > 0;
  return or_dash(known, known ? fixed_text(static_cast<double>(tokens) / seconds, 0) : "");
}

std::string bytes_text(int64_t bytes) {
  const auto mib = static_cast<double>(bytes) / (1 << 20);
  if (mib >= 1024) return fixed_text(mib / 1024, 2) + " GiB";
  return or_dash(bytes > 0, fixed_text(mib, mib < 10 ? 2 : 0) + " MiB");
}

bool is_full_model(const ExperimentTraining& training) {
  return training.kind == "adapted encoder" || training.kind == "fine-tuning";
}

struct KindSum {
  std::string kind;
  int64_t trainings = 0, tokens = 0, peak_memory = 0, size = 0, largest = 0, sized = 0;
  double seconds = 0;
};

std::vector<KindSum> sums_by_kind(const ExperimentResults& results) {
  std::vector<KindSum> sums;
  for (const ExperimentTraining& training : results.trainings) {
    auto sum = std::find_if(sums.begin(), sums.end(),
                            [&](const KindSum& of) { return of.kind == training.kind; });
    if (sum == sums.end()) {
      sum = sums.insert(sums.end(), KindSum{});
      sum->kind = training.kind;
    }
    ++sum->trainings;
    sum->tokens += training.tokens;
    sum->seconds += training.seconds;
    sum->peak_memory = std::max(sum->peak_memory, training.peak_memory);
    sum->size += training.size;
    sum->sized += training.size > 0 ? 1 : 0;
  }
  return sums;
}

int64_t full_model_size(const ExperimentResults& results) {
  int64_t size = 0;
  for (const ExperimentTraining& training : results.trainings) {
    if (is_full_model(training)) size = std::max(size, training.size);
  }
  return size;
}

std::string kinds_table(const ExperimentResults& results) {
  const int64_t full = full_model_size(results);
  HtmlTable table{"By kind of training; sizes are means, on disk",
                  {"what was trained", "number", "hours", "tokens", "tokens/s", "peak memory",
                   "size of one", "share of a full model"},
                  {}};
  KindSum all;
  for (const KindSum& sum : sums_by_kind(results)) {
    const int64_t size = sum.sized == 0 ? 0 : sum.size / sum.sized;
    const bool compares = full > 0 && size > 0;
    const double share = compares ? 100 * static_cast<double>(size) / static_cast<double>(full) : 0;
    table.rows.push_back(
        {{text_cell(sum.kind), text_cell(exact_text(sum.trainings)),
          text_cell(hours_text(sum.seconds)), text_cell(tokens_text(sum.tokens)),
          text_cell(rate_text(sum.tokens, sum.seconds)), text_cell(bytes_text(sum.peak_memory)),
          text_cell(bytes_text(size)),
          text_cell(or_dash(compares, fixed_text(share, share < 10 ? 2 : 0) + " %"))},
         ""});
    all.trainings += sum.trainings;
    all.seconds += sum.seconds;
    all.tokens += sum.tokens;
    all.peak_memory = std::max(all.peak_memory, sum.peak_memory);
  }
  table.rows.push_back(
      {{text_cell("all"), text_cell(exact_text(all.trainings)), text_cell(hours_text(all.seconds)),
        text_cell(tokens_text(all.tokens)), text_cell(rate_text(all.tokens, all.seconds)),
        text_cell(bytes_text(all.peak_memory)), text_cell(""), text_cell("")},
       "mean"});
  return html_table(table);
}

std::string trainings_table(const ExperimentResults& results) {
  HtmlTable table{"Each training; the loss is the lowest on held-out text",
                  {"what was trained", "row", "language", "seed", "steps", "hours", "tokens",
                   "tokens/s", "peak memory", "size", "held-out loss"},
                  {},
                  /*text_columns=*/3};
  for (const ExperimentTraining& training : results.trainings) {
    HtmlRow row;
    for (const std::string& text :
         {training.kind, training.row.empty() ? std::string("shared") : training.row,
          training.language, training.row.empty() ? std::string("–") : exact_text(training.seed),
          exact_text(training.steps), hours_text(training.seconds), tokens_text(training.tokens),
          rate_text(training.tokens, training.seconds), bytes_text(training.peak_memory),
          bytes_text(training.size),
          training.held_out_loss ? fixed_text(*training.held_out_loss, 3) : std::string("–")})
      row.cells.push_back(text_cell(text));
    table.rows.push_back(std::move(row));
  }
  return html_table(table);
}

std::string commands(const ExperimentResults& results) {
  std::string html = "<dl>\n";
  for (const ExperimentTraining& training : results.trainings) {
    if (training.command.empty()) continue;
    std::string name = training.kind;
    if (!training.row.empty()) name += " of " + training.row;
    name += ", " + training.language;
    if (!training.row.empty()) name += ", seed " + exact_text(training.seed);
    html += html_fact(name, html_code(training.command));
  }
  return html + "</dl>\n";
}

}  // namespace

std::string costs_section(const ExperimentResults& results) {
  std::string html = "<section id=\"costs\">\n<h2>What it cost</h2>\n";
  if (results.trainings.empty()) {
    html += "<p>No training is done yet.</p>\n";
  } else {
    html += kinds_table(results) + html_fold("Each training", trainings_table(results)) +
            html_fold("Commands that repeat each training", commands(results),
                      /*open=*/false, /*is_long=*/true);
  }
  if (!results.command_line.empty())
    html +=
        "<dl>\n" + html_fact("The whole experiment", html_code(results.command_line)) + "</dl>\n";
  return html + "</section>\n";
}

}  // namespace madx::apps::detail

#include "apps/experiment/report/charts.h"

#include <algorithm>
#include <limits>
#include <map>

#include "apps/experiment/report/rows.h"
#include "apps/report/html_page.h"
#include "apps/report/line_chart.h"
#include "apps/report/row_bars.h"
#include "apps/report/svg.h"

namespace madx::apps::detail {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

RowBars bars_of(const ExperimentResults& results, const std::string& source, size_t column,
                const ScoreTable& table) {
  const std::string& language = table.languages[column];
  RowBars bars{language, {}, {}, {}, {}};
  if (language == source) bars.title += " (source)";
  if (is_unseen(results, language)) bars.title += " (unseen)";
  for (const ScoreTableLine& line : table.lines) {
    const auto& score = line.cells[column].score;
    bars.names.push_back(line.name);
    bars.values.push_back(score ? score->mean : kNone);
    bars.spreads.push_back(score && score->deviation ? *score->deviation : kNone);
    bars.strong.push_back(line.name == kMainRow);
  }
  return bars;
}

std::string bars_from(const ExperimentResults& results, const std::string& source) {
  const ScoreTable table = score_table(results, source);
  std::string html = "<div class=\"panels\">\n";
  for (size_t column = 0; column < table.languages.size(); ++column) {
    const bool scored = std::any_of(
        table.lines.begin(), table.lines.end(),
        [&](const ScoreTableLine& line) { return line.cells[column].score.has_value(); });
    if (scored) html += html_figure(row_bars_svg(bars_of(results, source, column, table)));
  }
  return html + "</div>\n";
}

// Tokens read when the row was logged; where the log has none, as many as its share of the steps.
double tokens_at(const MetricsRow& row, const ExperimentTraining& training) {
  const auto found = row.extra.find("tokens_seen");
  if (found != row.extra.end()) return found->second;
  if (training.steps == 0) return kNone;
  return static_cast<double>(training.tokens) * static_cast<double>(row.step) /
         static_cast<double>(training.steps);
}

Series loss_series(const ExperimentTraining& training, bool held_out) {
  Series series;
  series.markers = held_out;
  for (const MetricsRow& row : training.curve) {
    if (held_out && !row.eval_loss) continue;
    series.x.push_back(tokens_at(row, training));
    series.y.push_back(held_out ? *row.eval_loss : row.loss);
  }
  return series;
}

// Charts of as many series as there are colours, each with its part of `names`. Series of one name
// share a colour; the first of them stands in the legend.
std::string charts_by_name(const LineChart& form, const std::vector<std::string>& names,
                           const std::multimap<std::string, Series>& series,
                           const std::string& caption) {
  std::string html;
  for (size_t begin = 0; begin < names.size(); begin += kChartColours.size()) {
    LineChart chart = form;
    for (size_t i = begin; i < std::min(names.size(), begin + kChartColours.size()); ++i) {
      const auto [first, last] = series.equal_range(names[i]);
      for (auto found = first; found != last; ++found) {
        chart.series.push_back(found->second);
        chart.series.back().colour = static_cast<int>(i - begin);
        if (found == first) chart.series.back().name = names[i];
      }
    }
    html += html_figure(line_chart_svg(chart), caption);
  }
  return html;
}

// One chart for losses of all the encoder's sub-words, one for those of a text's, which are lower.
std::string loss_charts(const ExperimentResults& results, bool of_text) {
  std::vector<const ExperimentTraining*> trainings;
  bool held_out = false;
  for (const ExperimentTraining& training : results.trainings) {
    if (training.kind != "language adapter" || training.curve.empty()) continue;
    const auto label = training.curve.front().labels.find("vocabulary");
    const bool is_of_text = label != training.curve.front().labels.end() && label->second == "text";
    if (is_of_text != of_text) continue;
    trainings.push_back(&training);
    held_out = held_out || std::any_of(training.curve.begin(), training.curve.end(),
                                       [](const MetricsRow& row) { return row.eval_loss; });
  }
  std::vector<std::string> names;
  std::multimap<std::string, Series> series;
  std::vector<std::string> without;
  for (const ExperimentTraining* training : trainings) {
    Series curve = loss_series(*training, held_out);
    if (curve.x.empty()) {
      without.push_back(training->language);
      continue;
    }
    if (series.count(training->language) == 0) names.push_back(training->language);
    series.emplace(training->language, std::move(curve));
  }
  const std::string what = held_out ? "Held-out loss" : "Training loss";
  const LineChart form{what + " of language adapters",
                       "tokens read",
                       of_text ? "loss (--vocabulary text)" : "loss",
                       {}};
  std::string caption = what + " of masked LM" +
                        (of_text ? ", with a softmax over the text's sub-words only" : "") +
                        "; losses are not comparable between languages.";
  if (!without.empty()) caption += " Not evaluated on held-out text: " + list_text(without) + ".";
  return charts_by_name(form, names, series, caption);
}

// The curves of one source: mean over seeds by tokens, and the baseline's level, dashed.
std::string f1_charts(const ExperimentResults& results, const std::string& source) {
  std::map<std::string, std::map<int64_t, std::vector<double>>> by_language;
  for (const ExperimentCurvePoint& point : results.curve) {
    if (point.source == source) by_language[point.language][point.tokens].push_back(point.f1);
  }
  const std::string baseline = baseline_of(results);
  std::vector<std::string> names;
  std::multimap<std::string, Series> series;
  std::vector<std::string> without;
  for (const std::string& language : results.languages) {
    const auto found = by_language.find(language);
    if (found == by_language.end()) continue;
    Series curve;
    curve.markers = true;
    for (const auto& [tokens, scores] : found->second) {
      curve.x.push_back(static_cast<double>(tokens));
      curve.y.push_back(summarise(scores).mean);
    }
    names.push_back(language);
    const auto level = mean_over(results, baseline, {{source, language}});
    Series line;
    if (level) {
      line.x = {curve.x.front(), curve.x.back()};
      line.y = {level->mean, level->mean};
      line.dashed = true;
    } else {
      without.push_back(language);
    }
    series.emplace(language, std::move(curve));
    if (level) series.emplace(language, std::move(line));
  }
  const LineChart form{"F1 of " + std::string(kMainRow) +
                           " by length of language adapter training" +
                           (results.sources.size() > 1 ? ", labels in " + source : ""),
                       "tokens read by the target's language adapter",
                       "F1 (%)",
                       {}};
  std::string caption;
  if (without.size() < names.size()) caption = "Dashed: F1 of " + baseline + " on that language.";
  if (!without.empty()) caption += " No baseline score: " + list_text(without) + ".";
  return charts_by_name(form, names, series, caption);
}

}  // namespace

std::string bars_section(const ExperimentResults& results) {
  std::string html =
      "<section id=\"bars\">\n<h2>F1 by language</h2>\n<p class=\"dim\">Percent, means over "
      "seeds" +
      std::string(results.seeds.size() > 1 ? "; error bars: one standard deviation" : "") +
      ".</p>\n";
  for (const std::string& source : results.sources) {
    const std::string bars = bars_from(results, source);
    html += results.sources.size() > 1 ? html_fold("Labels in " + source, bars) : bars;
  }
  return html + "</section>\n";
}

std::string learning_section(const ExperimentResults& results) {
  std::string html = loss_charts(results, /*of_text=*/false) + loss_charts(results, true);
  for (const std::string& source : results.sources) html += f1_charts(results, source);
  if (html.empty()) return "";
  return "<section id=\"learning\">\n<h2>How language adapters learned</h2>\n" + html +
         "</section>\n";
}

}  // namespace madx::apps::detail

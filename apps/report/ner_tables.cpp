#include "apps/report/ner_tables.h"

#include <algorithm>
#include <optional>

#include "apps/report/svg.h"
#include "apps/report/terminal.h"

namespace madx::apps {
namespace detail {
namespace {

std::vector<std::string> distinct(const NerResults& results, std::string NerRun::*field) {
  std::vector<std::string> values;
  for (const NerRun& run : results.runs) {
    if (std::find(values.begin(), values.end(), run.*field) == values.end())
      values.push_back(run.*field);
  }
  return values;
}

std::string percent(double value) { return number(value, 2); }

std::string language_cell(const NerResults& results, const std::string& language) {
  return is_source(results, language) ? language + " (source)" : language;
}

// The mean over the languages that the setup had no labels of; unset when there is none, or one of
// them is missing.
std::optional<double> mean_of_targets(const NerResults& results, const std::string& setup) {
  double sum = 0;
  int64_t targets = 0;
  for (const std::string& language : languages_of(results)) {
    if (is_source(results, language)) continue;
    const NerScores* scores = find_scores(results, setup, language);
    if (scores == nullptr) return std::nullopt;
    sum += scores->micro.f1;
    ++targets;
  }
  if (targets == 0) return std::nullopt;
  return sum / static_cast<double>(targets);
}

}  // namespace

std::vector<std::string> setups_of(const NerResults& results) {
  return distinct(results, &NerRun::setup);
}

std::vector<std::string> languages_of(const NerResults& results) {
  return distinct(results, &NerRun::language);
}

const NerScores* find_scores(const NerResults& results, const std::string& setup,
                             const std::string& language) {
  for (const NerRun& run : results.runs) {
    if (run.setup == setup && run.language == language) return &run.scores;
  }
  return nullptr;
}

Table score_table(const NerResults& results, const std::string& setup) {
  Table table{{"language", "precision", "recall", "F1", "entities", "sentences"}, {}};
  for (const std::string& language : languages_of(results)) {
    const NerScores* scores = find_scores(results, setup, language);
    if (scores == nullptr) continue;
    table.rows.push_back({language_cell(results, language), percent(scores->micro.precision),
                          percent(scores->micro.recall), percent(scores->micro.f1),
                          std::to_string(scores->micro.entities),
                          std::to_string(scores->sentences)});
  }
  if (const auto mean = mean_of_targets(results, setup)) {
    table.rows.push_back({kMeanOfTargets, "", "", percent(*mean), "", ""});
  }
  return table;
}

Table setup_table(const NerResults& results) {
  const std::vector<std::string> setups = setups_of(results);
  Table table{{"F1"}, {}};
  table.header.insert(table.header.end(), setups.begin(), setups.end());
  for (const std::string& language : languages_of(results)) {
    std::vector<std::string> row = {language_cell(results, language)};
    for (const std::string& setup : setups) {
      const NerScores* scores = find_scores(results, setup, language);
      row.push_back(scores == nullptr ? "-" : percent(scores->micro.f1));
    }
    table.rows.push_back(std::move(row));
  }
  std::vector<std::string> means = {kMeanOfTargets};
  for (const std::string& setup : setups) {
    const auto mean = mean_of_targets(results, setup);
    means.push_back(mean ? percent(*mean) : "-");
  }
  table.rows.push_back(std::move(means));
  return table;
}

Table type_table(const NerResults& results) {
  Table table{
      {"language", "type", "precision", "recall", "F1", "entities"}, {}, /*text_columns=*/2};
  for (const std::string& language : languages_of(results)) {
    const NerScores* scores = find_scores(results, results.setup, language);
    if (scores == nullptr) continue;
    for (const auto& [type, of_type] : scores->per_type) {
      table.rows.push_back({language_cell(results, language), type, percent(of_type.precision),
                            percent(of_type.recall), percent(of_type.f1),
                            std::to_string(of_type.entities)});
    }
  }
  return table;
}

}  // namespace detail

std::string ner_table(const NerResults& results) {
  const std::vector<std::string> setups = detail::setups_of(results);
  const detail::Table table = setups.size() == 1 ? detail::score_table(results, setups.front())
                                                 : detail::setup_table(results);

  std::vector<std::vector<std::string>> lines = {table.header};
  lines.insert(lines.end(), table.rows.begin(), table.rows.end());
  std::vector<int64_t> widths(table.header.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], display_width(line[i]));
  }

  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string fill(static_cast<size_t>(widths[i] - display_width(line[i])), ' ');
      row += (i == 0 ? "" : "  ") + (i < table.text_columns ? line[i] + fill : fill + line[i]);
    }
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace madx::apps

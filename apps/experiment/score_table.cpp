#include "apps/experiment/score_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

namespace madx::apps {
namespace {

bool among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

using BySeed = std::map<uint64_t, double>;

/// F1 by language and seed of one line.
struct LineScores {
  std::string name, row, source;
  std::map<std::string, BySeed> languages;
};

LineScores scores_of(const ExperimentResults& results, const std::string& name,
                     const std::string& row, const std::string& source) {
  LineScores line{name, row, source, {}};
  for (const auto& score : results.scores) {
    if (score.row == row && is_under(score, source))
      line.languages[score.language][score.seed] = score.f1;
  }
  return line;
}

std::string why_absent(const ExperimentResults& results, const LineScores& line,
                       const std::string& language) {
  for (const auto& score : results.scores) {
    const auto parts = parts_of_source(score.source);
    if (score.row == line.row && score.language == language && among(parts, line.source) &&
        among(parts, language))
      return "its labels were used for training";
  }
  const auto any_or = [](const std::string& of_gap, const std::string& name) {
    return of_gap.empty() || of_gap == name;
  };
  for (const auto& gap : results.gaps) {
    if (any_or(gap.row, line.row) && any_or(gap.language, language) &&
        (gap.source.empty() || among(parts_of_source(gap.source), line.source)))
      return gap.reason;
  }
  return "not scored yet";
}

ScoreCell cell_of(const BySeed& scores) {
  std::vector<double> values;
  for (const auto& [seed, f1] : scores) values.push_back(f1);
  ScoreCell cell;
  if (!values.empty()) cell.score = summarise(values);
  return cell;
}

/// Means a seed, over the seeds that all of the languages have; no cell's score where one has none.
ScoreCell mean_of(const LineScores& line, const std::vector<std::string>& languages) {
  BySeed sums;
  std::map<uint64_t, size_t> counts;
  for (const auto& language : languages) {
    const auto found = line.languages.find(language);
    if (found == line.languages.end()) continue;
    for (const auto& [seed, f1] : found->second) {
      sums[seed] += f1;
      ++counts[seed];
    }
  }
  BySeed means;
  for (const auto& [seed, sum] : sums) {
    if (counts[seed] == languages.size()) means[seed] = sum / static_cast<double>(languages.size());
  }
  auto cell = cell_of(means);
  if (!cell.score)
    cell.reason =
        languages.empty() ? "no target has a score" : "no seed has scores for all targets";
  return cell;
}

ScoreTable table_of(const ExperimentResults& results, const std::vector<LineScores>& lines) {
  ScoreTable table;
  table.languages = results.languages;
  std::set<std::string> scored;
  for (const auto& line : lines) {
    for (const auto& [language, by_seed] : line.languages) scored.insert(language);
  }
  for (const auto& line : lines) {
    ScoreTableLine out;
    out.name = line.name;
    std::vector<std::string> targets, unseen;
    for (const auto& language : table.languages) {
      const auto found = line.languages.find(language);
      out.cells.push_back(found == line.languages.end() ? ScoreCell{} : cell_of(found->second));
      if (!out.cells.back().score) out.cells.back().reason = why_absent(results, line, language);
      if (language == line.source || scored.count(language) == 0) continue;
      targets.push_back(language);
      if (among(results.unseen, language)) unseen.push_back(language);
    }
    out.targets = mean_of(line, targets);
    out.unseen = mean_of(line, unseen);
    table.has_unseen = table.has_unseen || !unseen.empty();
    table.lines.push_back(std::move(out));
  }
  for (size_t i = 0; i <= table.languages.size() + 1; ++i) {
    std::vector<ScoreCell*> column;
    for (auto& line : table.lines) {
      column.push_back(i < table.languages.size()    ? &line.cells[i]
                       : i == table.languages.size() ? &line.targets
                                                     : &line.unseen);
    }
    mark_best(column);
  }
  return table;
}

}  // namespace

ScoreSummary summarise(const std::vector<double>& scores) {
  const auto count = static_cast<double>(scores.size());
  ScoreSummary summary;
  summary.count = static_cast<int64_t>(scores.size());
  summary.mean = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
  if (scores.size() < 2) return summary;
  double squares = 0;
  for (const double score : scores) squares += (score - summary.mean) * (score - summary.mean);
  summary.deviation = std::sqrt(squares / (count - 1));
  return summary;
}

bool is_under(const ExperimentScore& score, const std::string& source) {
  const auto parts = parts_of_source(score.source);
  if (parts.empty() || parts.front() != source) return false;
  return score.language == source || !among(parts, score.language);
}

void mark_best(const std::vector<ScoreCell*>& column) {
  double best = -1;
  size_t scored = 0;
  for (const auto* cell : column) {
    if (!cell->score) continue;
    ++scored;
    best = std::max(best, cell->score->mean);
  }
  for (auto* cell : column) {
    cell->best = scored > 1 && cell->score && cell->score->mean == best;
  }
}

ScoreTable score_table(const ExperimentResults& results, const std::string& source) {
  std::vector<LineScores> lines;
  for (const auto& row : results.rows) lines.push_back(scores_of(results, row, row, source));
  return table_of(results, lines);
}

ScoreTable transfer_table(const ExperimentResults& results, const std::string& row) {
  std::vector<LineScores> lines;
  for (const auto& source : results.sources)
    lines.push_back(scores_of(results, source, row, source));
  return table_of(results, lines);
}

std::vector<std::string> parts_of_source(const std::string& source) {
  std::vector<std::string> parts;
  std::istringstream stream(source);
  for (std::string part; std::getline(stream, part, '+');) parts.push_back(part);
  return parts;
}

}  // namespace madx::apps

#include "apps/experiment/report/rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "madx/core/plain_text.h"

namespace madx::apps::detail {
namespace {

constexpr std::array kBaselines = {"madx-lad-inv", "madx-inv", "xlm-r",
                                   "mbert",        "mlm-src",  "mlm-trg"};

}  // namespace

bool has_scores(const ExperimentResults& results, const std::string& row) {
  return std::any_of(results.scores.begin(), results.scores.end(),
                     [&](const ExperimentScore& score) { return score.row == row; });
}

std::string baseline_of(const ExperimentResults& results) {
  for (const char* row : kBaselines) {
    if (has_scores(results, row)) return row;
  }
  return "";
}

bool is_unseen(const ExperimentResults& results, const std::string& language) {
  return std::find(results.unseen.begin(), results.unseen.end(), language) != results.unseen.end();
}

std::vector<Pair> target_pairs(const ExperimentResults& results, bool only_unseen) {
  const auto is_scored = [&](const Pair& pair) {
    return std::any_of(results.rows.begin(), results.rows.end(), [&](const std::string& row) {
      return !find_scores(results, row, pair).empty();
    });
  };
  std::vector<Pair> pairs;
  for (const std::string& source : results.sources) {
    for (const std::string& language : results.languages) {
      const Pair pair{source, language};
      if (language == source || (only_unseen && !is_unseen(results, language))) continue;
      if (is_scored(pair)) pairs.push_back(pair);
    }
  }
  return pairs;
}

std::map<uint64_t, double> seed_means(const ExperimentResults& results, const std::string& row,
                                      const std::vector<Pair>& pairs) {
  std::map<uint64_t, std::vector<double>> by_seed;
  for (const Pair& pair : pairs) {
    std::map<uint64_t, double> of_pair;
    for (const ExperimentScore* score : find_scores(results, row, pair))
      of_pair[score->seed] = score->f1;
    for (const auto& [seed, f1] : of_pair) by_seed[seed].push_back(f1);
  }
  std::map<uint64_t, double> means;
  for (const auto& [seed, scores] : by_seed) {
    if (scores.size() == pairs.size()) means[seed] = summarise(scores).mean;
  }
  return means;
}

std::optional<ScoreSummary> mean_over(const ExperimentResults& results, const std::string& row,
                                      const std::vector<Pair>& pairs) {
  std::vector<double> means;
  for (const auto& [seed, mean] : seed_means(results, row, pairs)) means.push_back(mean);
  if (means.empty()) return std::nullopt;
  return summarise(means);
}

std::string score_text(double percent) { return fixed_text(percent, 1); }

std::string difference_text(double percent) {
  const std::string size = fixed_text(std::abs(percent), 1);
  if (size == "0.0") return size;
  return (percent < 0 ? "−" : "+") + size;
}

std::string p_text(double p) { return fixed_text(p, p < 0.1 ? 3 : 2); }

std::string count_text(size_t count, const std::string& one, const std::string& many) {
  return count == 1 ? "one " + one : std::to_string(count) + " " + many;
}

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace madx::apps::detail

#include "apps/experiment/report/headline.h"

#include <cmath>

#include "apps/experiment/report/rows.h"

namespace madx::apps::detail {
namespace {

// What the headline is about: the unseen targets where there are any, else all targets.
struct Targets {
  std::vector<Pair> pairs;
  std::string words;
};

Targets targets_of(const ExperimentResults& results) {
  Targets targets{target_pairs(results, /*only_unseen=*/true), ""};
  const bool unseen = !targets.pairs.empty();
  if (!unseen) targets.pairs = target_pairs(results, /*only_unseen=*/false);
  const bool several = results.sources.size() > 1;
  const std::string one = several ? "pair of source and target" : "target language";
  const std::string many = several ? "pairs of source and target" : "target languages";
  targets.words = count_text(targets.pairs.size(), one, many);
  if (unseen) targets.words += several ? " whose target" : " that";
  if (unseen) targets.words += " the encoder has not seen";
  return targets;
}

std::string best_row(const ExperimentResults& results, const Targets& targets) {
  std::vector<std::string> best;
  double highest = -1;
  size_t rows = 0;
  for (const std::string& row : results.rows) {
    const auto mean = mean_over(results, row, targets.pairs);
    if (!mean) continue;
    ++rows;
    if (mean->mean > highest) best.clear();
    if (mean->mean >= highest) best.push_back(row);
    highest = std::max(highest, mean->mean);
  }
  if (rows == 0)
    return "No row has scores in all of the " + targets.words + ": there is no mean to compare. ";
  const std::string over = "F1 on the mean of " + targets.words;
  if (rows == 1) {
    return "Row " + best.front() + " has " + score_text(highest) + " " + over +
           "; it is the only row with all of them, so there is no best one. ";
  }
  return (best.size() == 1 ? "Best row is " : "Best rows are ") + list_text(best) + " with " +
         score_text(highest) + " " + over + ", of " + std::to_string(rows) +
         " rows that have all of them. ";
}

std::string difference_to(const ExperimentResults& results, RowComparison& comparison,
                          const std::string& row, const Targets& targets) {
  if (!has_scores(results, row))
    return "Row " + row + " has no scores: no difference to it is known. ";
  const auto main = mean_over(results, kMainRow, targets.pairs);
  const auto other = mean_over(results, row, targets.pairs);
  if (!main || !other) {
    return std::string("There is no difference to ") + row +
           " to give: " + (main ? row : std::string(kMainRow)) + " lacks some of the targets. ";
  }
  const double difference = main->mean - other->mean;
  std::string text = std::string(kMainRow) + " differs from " + row + " by " +
                     difference_text(difference) + " points (" + score_text(main->mean) + " and " +
                     score_text(other->mean) + ")";
  const auto tested = comparison.compare(kMainRow, row, targets.pairs);
  if (!tested) return text + ", without a test: no predictions were kept. ";
  text += tested->p < 0.05 ? ", more than the drawing of sentences explains"
                           : ", no more than the drawing of sentences explains";
  return text + " (p = " + p_text(tested->p) + ", 95 % interval " + difference_text(tested->low) +
         " to " + difference_text(tested->high) + "). ";
}

}  // namespace

std::string headline(const ExperimentResults& results, RowComparison& comparison) {
  if (results.scores.empty()) return "Nothing has been scored yet.";
  const Targets targets = targets_of(results);
  if (targets.pairs.empty())
    return "Only the source language has been scored: nothing here is about transfer.";
  std::string text = best_row(results, targets);
  if (!has_scores(results, kMainRow)) {
    text += std::string("Row ") + kMainRow + " has no scores. ";
  } else {
    std::string baseline = baseline_of(results);
    if (baseline.empty()) baseline = "madx-lad-inv";
    text += difference_to(results, comparison, baseline, targets);
    text += difference_to(results, comparison, "keep-source", targets);
  }
  if (results.seeds.size() == 1)
    text += "All of this is one seed: another one may order the rows differently.";
  return text;
}

}  // namespace madx::apps::detail

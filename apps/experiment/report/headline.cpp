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
    return "No row has scores for all of the " + targets.words +
           ", so there are no means to compare. ";
  const std::string over = "mean F1 over " + targets.words;
  if (rows == 1) {
    return "Row " + best.front() + " has " + score_text(highest) + " " + over +
           "; it is the only row with scores for all of them, so no row can be called the best. ";
  }
  return (best.size() == 1 ? "The best row is " : "The best rows are ") + list_text(best) +
         " with " + score_text(highest) + " " + over + ", out of " + std::to_string(rows) +
         " rows with scores for all of them. ";
}

std::string difference_to(const ExperimentResults& results, RowComparison& comparison,
                          const std::string& row, const Targets& targets) {
  if (!has_scores(results, row))
    return "Row " + row + " has no scores, so " + kMainRow + " cannot be compared with it. ";
  const auto of_main = seed_means(results, kMainRow, targets.pairs);
  const auto of_row = seed_means(results, row, targets.pairs);
  std::vector<double> main, other;  // of the seeds that both have
  for (const auto& [seed, mean] : of_main) {
    const auto found = of_row.find(seed);
    if (found == of_row.end()) continue;
    main.push_back(mean);
    other.push_back(found->second);
  }
  if (main.empty()) {
    const std::string lacking = of_main.empty() ? kMainRow : of_row.empty() ? row : "";
    return std::string(kMainRow) + " cannot be compared with " + row + ": " +
           (lacking.empty() ? "they have no common seed" : lacking + " has no seed") +
           " with scores for all of them. ";
  }
  const double mean = summarise(main).mean, mean_of_row = summarise(other).mean;
  std::string text = std::string(kMainRow) + " differs from " + row + " by " +
                     difference_text(mean - mean_of_row) + " points (" + score_text(mean) +
                     " and " + score_text(mean_of_row);
  if (main.size() < results.seeds.size()) {
    text += "; " + std::to_string(main.size()) + " of " + std::to_string(results.seeds.size()) +
            " seeds";
  }
  text += ")";
  const auto tested = comparison.compare(kMainRow, row, targets.pairs);
  if (!tested) {
    return text +
           ", not tested: on some targets, the two rows have no predictions of a common seed. ";
  }
  text += tested->p < 0.05 ? ", more than chance in the choice of test sentences would explain"
                           : ", which chance in the choice of test sentences may explain";
  return text + " (p = " + p_text(tested->p) + ", 95 % interval " + difference_text(tested->low) +
         " to " + difference_text(tested->high) +
         (results.seeds.size() > 1 ? ", seeds pooled). " : "). ");
}

}  // namespace

std::string headline(const ExperimentResults& results, RowComparison& comparison) {
  if (results.scores.empty()) return "Nothing has been scored yet.";
  const Targets targets = targets_of(results);
  if (targets.pairs.empty())
    return "Only the source language has been scored, so nothing here is about transfer.";
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
    text += "All scores are from one seed: with another, the rows may rank differently.";
  return text;
}

}  // namespace madx::apps::detail

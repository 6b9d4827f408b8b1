#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/report/row_comparison.h"
#include "apps/experiment/score_table.h"

// Which rows and which cells the report speaks of.
namespace madx::apps::detail {

inline constexpr const char* kMainRow = "madx";

// The row that others are compared with: the first of madx-lad-inv, madx-inv, xlm-r, mbert, mlm-src
// and mlm-trg that has scores; empty where there is none.
std::string baseline_of(const ExperimentResults& results);

bool has_scores(const ExperimentResults& results, const std::string& row);

bool is_unseen(const ExperimentResults& results, const std::string& language);

// Every source with every other language that any row has scores in; of those languages, with
// `only_unseen`, the ones that the encoder has not seen.
std::vector<Pair> target_pairs(const ExperimentResults& results, bool only_unseen);

// The mean over `pairs` of each seed that has all of them; mean and deviation of these.
std::map<uint64_t, double> seed_means(const ExperimentResults& results, const std::string& row,
                                      const std::vector<Pair>& pairs);
std::optional<ScoreSummary> mean_over(const ExperimentResults& results, const std::string& row,
                                      const std::vector<Pair>& pairs);

// Words of numbers: "53.1", "+2.4", "0.002".
std::string score_text(double percent);
std::string difference_text(double percent);
std::string p_text(double p);

// "3 seeds", "one seed".
std::string count_text(size_t count, const std::string& one, const std::string& many);

// "a, b and c".
std::string list_text(const std::vector<std::string>& words);

}  // namespace madx::apps::detail

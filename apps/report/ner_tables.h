#pragma once

#include <string>
#include <vector>

#include "apps/report/ner_results.h"

namespace madx::apps::detail {

// Cells as text, for the terminal and for report.html alike.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  size_t text_columns = 1;  // flush left; the figures after them flush right
};

// Names the last row of score_table and setup_table.
inline constexpr const char* kMeanOfTargets = "mean of targets";

// In order of their first run.
std::vector<std::string> setups_of(const NerResults& results);
std::vector<std::string> languages_of(const NerResults& results);

// nullptr when that setup was not run on the language.
const NerScores* find_scores(const NerResults& results, const std::string& setup,
                             const std::string& language);

Table score_table(const NerResults& results, const std::string& setup);
Table setup_table(const NerResults& results);  // F1 by language and setup
Table type_table(const NerResults& results);   // of results.setup

}  // namespace madx::apps::detail

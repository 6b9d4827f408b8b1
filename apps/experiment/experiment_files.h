#pragma once

#include <string>

#include "apps/experiment/experiment_results.h"

namespace madx::apps {

/// Writes results.json into a directory: `{"rows": [{"row", "source", "language", "seed", "f1",
/// "precision", "recall", "entities"}], "curve", "trainings", "gaps"}`, F1 and its parts in percent
/// to four decimals. Whole or not at all.
void write_experiment_json(const ExperimentResults& results, const std::string& directory);

/// The tables of the scores, one a source, and with several sources the paper's Table 2 of every
/// row: table.md, table.csv (a line a score), table.tex. Mean and standard deviation over seeds,
/// the best of a column in bold; what is absent has a mark and its reason below.
void write_experiment_tables(const ExperimentResults& results, const std::string& directory);

/// The table of one source as it stands in table.md, for a terminal.
std::string experiment_markdown(const ExperimentResults& results);

}  // namespace madx::apps

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/experiment_results.h"

namespace madx::apps {

/// Scores of one thing under several seeds.
struct ScoreSummary {
  double mean = 0;
  std::optional<double> deviation;  ///< standard deviation of a sample; unset for one score
  int64_t count = 0;
};

/// Mean and standard deviation (that of a sample: over count - 1). `scores` has one at least.
ScoreSummary summarise(const std::vector<double>& scores);

struct ScoreCell {
  std::optional<ScoreSummary> score;  ///< F1 in percent; unset where there is none
  bool best = false;                  ///< none in its column is higher; false where it is alone
  std::string reason;                 ///< why there is none; empty where there is one
};

/// Sets `best` in each cell of one column of a table.
void mark_best(const std::vector<ScoreCell*>& column);

struct ScoreTableLine {
  std::string name;              ///< a row of the experiment, or a source
  std::vector<ScoreCell> cells;  ///< one a language
  ScoreCell targets;             ///< mean over the languages that are not the source
  ScoreCell unseen;              ///< mean over those of them that the encoder has not seen
};

/// F1 by row and language. A mean over languages is taken a seed, over those columns that any line
/// has scores in: a line that lacks one of them has no mean, since it would be one of other
/// languages than the means beside it.
struct ScoreTable {
  std::vector<std::string> languages;
  std::vector<ScoreTableLine> lines;
  bool has_unseen = false;  ///< whether any target is among `unseen`
};

/// Whether a score stands in the table of `source`: one of a row that learns from several sources
/// at once does in that of the first ("en+de" of "en"), but not on a language whose labels it has
/// learned from, as no zero-shot score.
bool is_under(const ExperimentScore& score, const std::string& source);

/// One line a row of the experiment, for one source (Table 5 of the paper).
ScoreTable score_table(const ExperimentResults& results, const std::string& source);

/// One line a source, for one row of the experiment (Table 2).
ScoreTable transfer_table(const ExperimentResults& results, const std::string& row);

/// The parts of a source: "en+de" has "en" and "de".
std::vector<std::string> parts_of_source(const std::string& source);

}  // namespace madx::apps

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/experiment/experiment_config.h"
#include "apps/experiment/experiment_results.h"
#include "apps/experiment/piece.h"

namespace madx::apps {

/// A score of the experiment: what a piece's results.json says of a language.
struct ExperimentCell {
  std::string row, source, language;
  uint64_t seed = 0;
  size_t piece = 0;  ///< of the plan, that scores it
  /// Of the curve: the language adapter's training, and the step of its snapshot. Else no step.
  size_t adapter = 0;
  int64_t step = 0;
};

/// All the work of an experiment, and which scores come of it.
struct ExperimentPlan {
  std::string store;          ///< directory of the pieces
  std::vector<Piece> pieces;  ///< each after what it needs
  std::vector<ExperimentCell> cells;
  std::vector<ExperimentGap> gaps;  ///< cells that no piece can be planned for
};

/// Plans an experiment: rows share what they have in common, so that each training is there once.
/// Reads every input file, for its digest. Throws InputError for what a configuration lacks for any
/// of its rows, such as training data of a source.
ExperimentPlan plan_experiment(const ExperimentConfig& config);

}  // namespace madx::apps

#pragma once

#include <map>
#include <optional>
#include <string>

#include "apps/run/recipe.h"

namespace madx::apps {

/// What a run is and how far it has come: the file run.json in its directory.
struct RunState {
  enum class Stage {
    kTraining,  ///< under way, or cut short
    kTrained,   ///< what was trained is whole; what comes after it (scores) is not
    kComplete,
  };
  std::string program;
  Stage stage = Stage::kTraining;
  Recipe training;
  /// What comes after training reads; empty for programs that only train.
  Recipe scoring;
  /// Figures of the training that scoring shows, by name.
  std::map<std::string, double> figures;
};

/// The state of the run in `directory`; nothing where there is no run.json. Throws InputError where
/// it cannot be read.
std::optional<RunState> read_run_state(const std::string& directory);

/// Writes run.json whole or not at all.
void write_run_state(const std::string& directory, const RunState& state);

}  // namespace madx::apps

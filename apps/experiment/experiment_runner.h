#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/experiment/experiment_plan.h"

namespace madx::apps {

struct RunnerOptions {
  std::string programs;  ///< the folder in which the programs stand
  int workers = 1;       ///< programs at once
  int64_t threads = 0;   ///< of each program; 0: the processor's cores shared out
  std::function<bool()> interrupted = [] { return false; };
  /// Called when a piece that scores is done; never twice at once.
  std::function<void()> scored = [] {};
};

/// A piece that failed, and what its program said.
struct FailedPiece {
  std::string name, error, log;
  int status = 0;
};

/// What is left when a runner is done.
struct RunnerResult {
  std::vector<FailedPiece> failed;
  std::vector<std::string> blocked;  ///< pieces that need one that failed
  bool interrupted = false;
};

/// Runs the pieces of a plan that are not done, each as soon as what it needs is there. Pieces that
/// other processes have claimed are waited for. A piece that fails blocks only what needs it. Every
/// piece that is found, started, resumed, stopped, failed or done is a line of `log.txt` beside the
/// store, and on standard output; so is a report that could not be written, which stops nothing.
RunnerResult run_pieces(const ExperimentPlan& plan, const RunnerOptions& options);

}  // namespace madx::apps

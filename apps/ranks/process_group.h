#pragma once

#include <memory>
#include <string>

#include "apps/command_line/program.h"
#include "madx/core/error.h"
#include "madx/train/rank_group.h"

namespace madx::apps {

/// The processes that a launcher started together, as ranks. Waiting costs next to no processor
/// time.
class ProcessGroup : public RankGroup {
 public:
  /// Ends the group, and MPI with it; `own` is how this rank's work ended. Other ranks that wait for
  /// this one hear of a failure. Returns the outcome of all: of the ranks that failed by themselves
  /// the lowest one's, its message empty on every other rank.
  virtual Outcome end(Outcome own) = 0;

  /// "4 ranks on 2 hosts".
  virtual std::string summary() const = 0;
};

/// Thrown out of a call that waits for a rank that has failed.
class RankFailed : public Error {
 public:
  RankFailed() : Error("another rank has failed") {}
};

/// Begins MPI and joins the group of all that were started.
/// LibTorch's threads become this rank's share of the processors that it may use. nullptr in a build
/// without MPI.
std::unique_ptr<ProcessGroup> join_processes();

}  // namespace madx::apps

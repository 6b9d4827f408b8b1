#pragma once

#include <functional>
#include <memory>
#include <string>

#include "madx/core/error.h"
#include "madx/train/rank_group.h"

namespace madx::apps {

/// The processes that a launcher started together, as ranks. Waiting costs next to no processor
/// time.
class ProcessGroup : public RankGroup {
 public:
  /// Ends the group, and MPI with it; `status` is how this rank's work ended. Other ranks that wait
  /// for this one hear of a failure. Of the ranks that failed by themselves the lowest one's status
  /// is returned on all, and `say` is called on that one, before any rank can be gone: launchers
  /// end all processes when the first has failed.
  virtual int end(int status, const std::function<void()>& say) = 0;

  /// "4 ranks on 2 hosts".
  virtual std::string summary() const = 0;

  /// Returns when `done()`, which it asks again and again. Throws RankFailed.
  virtual void wait_until(const std::function<bool()>& done) = 0;
};

/// Thrown out of a call that waits for a rank that has failed.
class RankFailed : public Error {
 public:
  RankFailed() : Error("another rank has failed") {}
};

/// Begins MPI and joins the group of all that were started.
/// LibTorch's threads become this rank's share of the processors that it may use. nullptr in a
/// build without MPI.
std::unique_ptr<ProcessGroup> join_processes();

}  // namespace madx::apps

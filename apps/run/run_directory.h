#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/run/run_state.h"
#include "madx/train/checkpoint.h"
#include "madx/train/rank_group.h"

namespace madx::apps {

class DirectoryLock;

/// The output directory of a run. Training goes on in `PATH.partial`, so that `PATH` appears whole
/// or not at all; what was trained gets the name `PATH` as soon as it is whole, and what comes
/// after it (scores) is added there. An interrupted run that has a checkpoint is given the name
/// too, without results, for --resume to go on from. run.json says which of these it is.
///
///     RunDirectory output(path, resume);       // refuses early; changes nothing
///     switch (output.begin(state)) {           // after all else is known to be right
///       case kComplete: return;                // nothing to do
///       case kFresh: case kResumed: train, write results to output.path(); output.trained({});
///       case kTrained: score, write scores to output.new_scores(); output.complete();
///     }
///
/// Of a run of several ranks it is rank 0's alone: the others make it with the same arguments, get
/// its name and how it begins, and call nothing else.
///
/// Nothing that a complete run has written is ever removed but by what takes its place, nor what
/// anybody else has put there.
class RunDirectory {
 public:
  /// Looks at what stands at `path` and locks it. Throws InputError when `path` exists with content
  /// (or PATH.partial holds an interrupted run) and `resume` is not set, when there is nothing to
  /// resume, or when another run is at work there.
  RunDirectory(const std::string& path, bool resume, RankGroup& ranks = one_process());
  /// A run that has failed leaves its checkpoint for --resume, or else nothing; of scores that are
  /// not complete, nothing.
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  enum class Start {
    kFresh,     ///< from the beginning
    kResumed,   ///< from `checkpoint()`
    kTrained,   ///< what was trained is in `path()`; scoring is to be done
    kComplete,  ///< so was everything asked for
  };
  /// Takes the directory for the run that `state` describes (its stage and figures do not count).
  /// Throws InputError, with everything as it was, where the directory holds a run of another
  /// recipe, naming what differs, or a damaged checkpoint; and where ranks differ in `state`.
  Start begin(const RunState& state);

  /// What kResumed goes on from; else nullptr.
  const Checkpoint* checkpoint() const { return checkpoint_ ? &*checkpoint_ : nullptr; }
  /// Figures that `trained` was given, by this run or the one before.
  const std::map<std::string, double>& figures() const { return state_.figures; }

  /// The directory to write into. After `trained`, another one.
  const std::string& path() const { return path_; }
  /// The last part of the final path: what an adapter is named after.
  const std::string& name() const { return name_; }

  /// What was trained is written whole into `path()`: gives the directory its name.
  void trained(const std::map<std::string, double>& figures);
  /// A directory to write scores into: `complete` puts them in the place of older ones.
  std::string new_scores();
  /// So are the scores. A run without any needs no other call.
  void complete();
  /// Removes the checkpoint, which nothing goes on from any more.
  void drop_checkpoint();

 private:
  Start begin_alone(const RunState& state);
  void look(bool resume);
  void make_working();
  void take_over();
  void give_name();
  void put_scores_in_place();
  std::string where() const;

  RankGroup& ranks_;
  std::string final_, working_, path_, name_;
  RunState state_;
  std::optional<RunState> found_;  // of the run that stands there
  std::optional<Checkpoint> checkpoint_;
  std::unique_ptr<DirectoryLock> lock_;
  std::vector<std::string> made_parents_;  // the innermost first
  std::string scores_;                     // where new ones are written
  bool made_ = false;                      // the working directory is this run's own
  bool at_work_ = false;
};

}  // namespace madx::apps

#pragma once

#include <cstdint>
#include <string>

#include "madx/train/checkpoint.h"
#include "madx/train/metrics_row.h"

namespace madx {

/// Whom a trainer tells what it does, and asks what to do: progress bars, logs, checkpoints on disk
/// and Ctrl-C are hung on here. Every call comes from the thread that trains; what one throws ends
/// the training.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  /// Where a training is.
  struct Progress {
    int64_t step = 0;              ///< done
    int64_t steps = 0;             ///< of all
    double loss = 0;               ///< mean since the last logged step
    double tokens_per_second = 0;  ///< since the last logged step
  };
  /// Training begins, with `step` of `steps` done.
  virtual void on_start(int64_t step, int64_t steps) {}
  /// After each step.
  virtual void on_step(const Progress& progress) {}
  /// Held-out data was run; `summary` is a line for people.
  virtual void on_evaluation(int64_t step, const std::string& summary) {}
  /// Every `log_every` steps, at evaluations and at the end.
  virtual void on_log(const MetricsRow& row) {}
  /// All that a run needs to go on from here, at `save_every` and where `wish` asks for it. Its
  /// tensors are the ones that go on learning: copy what is to be kept.
  virtual void on_checkpoint(const Checkpoint& checkpoint) {}
  /// The last step is done, and the task has the tensors that are kept.
  virtual void on_end() {}

  /// What is asked of the trainer after a step. Of several, the last one of these holds.
  enum class Wish {
    kGoOn,
    kSave,  ///< a checkpoint now
    kStop,  ///< a checkpoint now, then Interrupted
  };
  /// Asked after each step.
  virtual Wish wish() { return Wish::kGoOn; }
};

}  // namespace madx

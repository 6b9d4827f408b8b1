#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "apps/run/metrics_log.h"
#include "apps/run/progress_bar.h"
#include "apps/run/recipe.h"
#include "madx/train/training_observer.h"

namespace madx::apps {

struct TrainingRecorderOptions {
  std::string label = "train";  ///< shown beside the progress bar
  /// Where metrics.jsonl, loss.svg and checkpoint/ are written.
  std::string directory;
  /// What a run that resumes must be.
  Recipe recipe;
  /// What every row of metrics.jsonl says of its figures (MetricsRow::labels).
  std::map<std::string, std::string> labels = {};
  /// A checkpoint is written whenever so much time has passed without one.
  double save_seconds = 600;
  ProgressStyle progress = ProgressStyle::kAuto;
  /// Called after every `snapshot_every` steps with how many are done, to write what there is by
  /// then; 0: never. A run that goes on from a checkpoint calls it again for steps after that.
  int64_t snapshot_every = 0;
  std::function<void(int64_t step)> snapshot = {};
  /// Asked after each step whether to stop, with a checkpoint. May be empty: never.
  std::function<bool()> interrupted = {};
};

/// Keeps a training on record in a directory, and shows it on the terminal.
class TrainingRecorder : public TrainingObserver {
 public:
  /// With `from`, the checkpoint that training goes on from, metrics.jsonl is cut back to it and
  /// appended to. Throws InputError where the directory cannot be written.
  explicit TrainingRecorder(TrainingRecorderOptions options, const Checkpoint* from = nullptr);

  void on_start(int64_t step, int64_t steps) override;
  void on_step(const Progress& progress) override;
  void on_evaluation(int64_t step, const std::string& summary) override;
  void on_log(const MetricsRow& row) override;
  void on_checkpoint(const Checkpoint& checkpoint) override;
  void on_end() override;
  Wish wish() override;

 private:
  TrainingRecorderOptions options_;
  MetricsLog log_;
  std::unique_ptr<ProgressBar> bar_;
  double saved_at_ = 0;  // seconds on a clock that never goes back
};

}  // namespace madx::apps

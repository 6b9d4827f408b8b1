#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "madx/train/progress_bar.h"
#include "madx/train/training_task.h"

namespace madx {

struct TrainerOptions {
  std::string label = "train";  ///< shown beside the progress bar
  int64_t steps = 1000;
  int64_t gradient_accumulation = 1;  ///< batches a step
  double lr = 1e-4;
  int64_t warmup_steps = 0;
  double weight_decay = 0.0;  ///< on weight matrices; biases and LayerNorms have none
  double max_gradient_norm = 1.0;
  uint64_t seed = 42;
  int64_t log_every = 10;
  int64_t eval_every = 0;  ///< 0: at the end alone
  int64_t save_every = 0;  ///< 0: no checkpoint but on Ctrl-C
  bool resume = false;     ///< go on from the checkpoint in `directory`
  /// Where metrics.jsonl, loss.svg and checkpoint/ are written.
  std::string directory;
  /// What a resumed run must have in common with the interrupted one, by the name of its flag.
  std::map<std::string, std::string> settings;
  ProgressStyle progress = ProgressStyle::kAuto;
};

/// Ctrl-C was pressed; the checkpoint of the step under way is complete.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Asks the trainer that runs to finish its step, write its checkpoint and throw Interrupted. Returns
/// false when none runs. Safe in a signal handler.
bool interrupt_training() noexcept;

struct TrainingResult {
  int64_t steps = 0;
  double seconds = 0;
  double loss = 0;                         ///< mean of the last logged steps
  std::optional<double> best_score;        ///< of the task's evaluation
  std::optional<MetricsRow> best_figures;  ///< and what it logged
};

/// Trains with AdamW (Loshchilov & Hutter 2019), linear warm-up and decay, and gradient clipping.
/// Writes metrics.jsonl (appended by a resumed run), loss.svg and checkpoints; leaves the task with
/// the tensors of its best evaluation, or the last ones where there is no held-out data. A resumed
/// run continues exactly: same batches, same dropout, same optimizer. Throws InputError when the
/// loss is not finite or `resume` does not fit; Interrupted after Ctrl-C.
TrainingResult train(TrainingTask& task, const TrainerOptions& options);

}  // namespace madx

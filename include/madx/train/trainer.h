#pragma once

#include <cstdint>
#include <optional>

#include "madx/core/error.h"
#include "madx/train/rank_group.h"
#include "madx/train/training_observer.h"
#include "madx/train/training_task.h"

namespace madx {

/// How long, how fast, and what is reported when.
struct TrainerOptions {
  int64_t steps = 1000;               ///< of the optimizer
  int64_t gradient_accumulation = 1;  ///< batches a step
  double lr = 1e-4;                   ///< the highest
  int64_t warmup_steps = 0;           ///< in which the learning rate rises to lr
  double weight_decay = 0.0;          ///< on weight matrices; biases and LayerNorms have none
  double max_gradient_norm = 1.0;  ///< above 0: where the norm of all gradients together is larger,
                                   ///< all are scaled down to it
  uint64_t seed = 42;              ///< of dropout; tasks have one of their own
  int64_t log_every = 10;          ///< steps from one report to the next
  int64_t eval_every = 0;          ///< 0: at the end alone
  int64_t save_every = 0;          ///< 0: no checkpoint but where the observer wishes one
  /// Checkpoint averaging (Schmidt, Vulić & Glavaš 2023): what is kept is the mean of the tensors
  /// after each N steps and after the last one; 0: no average.
  int64_t average_every = 0;
};

/// Throws InputError, naming the option, for a value that no training can have.
void check_trainer_options(const TrainerOptions& options);

/// The observer wished to stop; its checkpoint of the last step is complete.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// What a training came to.
struct TrainingResult {
  int64_t steps = 0;                       ///< done, those before a resumption included
  int64_t tokens = 0;                      ///< read, special ones included
  std::optional<double> passes;            ///< over the training data
  double seconds = 0;                      ///< of training, those before a resumption included
  double loss = 0;                         ///< mean of the last logged steps
  std::optional<double> best_score;        ///< of the task's evaluation, of the tensors kept
  std::optional<MetricsRow> best_figures;  ///< and what it logged
  int64_t averaged = 0;                    ///< steps whose tensors the kept ones are the mean of
};

/// Trains with AdamW (Loshchilov & Hutter 2019), linear warm-up and decay, and gradient clipping.
/// Leaves the task with the tensors of its best evaluation, or the last ones where there is no
/// held-out data; with `average_every` with their average, which is what the last evaluation
/// measures, and no evaluation before it picks anything. Goes on from `from`, where there is one,
/// exactly: same batches, same dropout, same optimizer. Throws InputError for options that cannot
/// be, when loss or gradient are not finite (the tensors stay as they were before that step), and
/// when `from` is of other tensors; Interrupted where the observer wishes to stop.
///
/// Over several ranks each takes its share of every batch, and gradients are summed once a step.
/// All begin with rank 0's tensors, so that `from` is rank 0's affair, and end with them; rank 0
/// alone evaluates, and has the evaluations' figures. A rank's wish to save or to stop holds for
/// all, at the same step. Throws MachineError where the ranks' tensors are found to differ.
TrainingResult train(TrainingTask& task, const TrainerOptions& options, TrainingObserver& observer,
                     const Checkpoint* from = nullptr, RankGroup& ranks = one_process());

}  // namespace madx

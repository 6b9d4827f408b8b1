#pragma once

#include <functional>
#include <map>
#include <string>

#include "apps/run/interrupt.h"
#include "apps/run/run_directory.h"
#include "madx/train/trainer.h"

namespace madx::apps {

/// How a program's training is told of and kept.
struct TrainingRunOptions {
  std::string label;    ///< beside the progress bar
  double save_minutes;  ///< between checkpoints, at most
  Recipe recipe;
  std::map<std::string, std::string> labels = {};  ///< of rows of metrics.jsonl
  int64_t snapshot_every = 0;                      ///< steps; as TrainingRecorderOptions
  std::function<void(int64_t step)> snapshot = {};
};

/// Trains into an output directory that has begun, from its checkpoint where it has one:
/// metrics.jsonl, loss.svg, checkpoints, a progress bar; stops where `guard` was asked to, on
/// whatever rank. What is written and shown is rank 0's. Throws as `train` does.
TrainingResult run_training(TrainingTask& task, const TrainerOptions& options,
                            const TrainingRunOptions& run, const RunDirectory& output,
                            const InterruptGuard& guard, RankGroup& ranks = one_process());

/// "100 steps, 53211 tokens, 2.8 passes in 3.2 s, loss 5.31".
std::string training_summary(const TrainingResult& result);

/// ", best held-out loss 2.31", or of an averaged run ", held-out loss 2.31 of the average of 3
/// states"; empty where there is no held-out text.
std::string held_out_summary(const TrainingResult& result);

/// Says that --resume found nothing to do.
void print_complete(const std::string& output);

}  // namespace madx::apps

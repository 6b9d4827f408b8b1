#include "madx/programs/training_run.h"

#include <iostream>

#include "madx/train/training_recorder.h"

namespace madx {

TrainingResult run_training(TrainingTask& task, const TrainerOptions& options,
                            const TrainingRunOptions& run, const RunDirectory& output,
                            const InterruptGuard& guard) {
  TrainingRecorderOptions record;
  record.label = run.label;
  record.directory = output.path();
  record.experiment = run.experiment;
  record.save_seconds = 60 * run.save_minutes;
  record.interrupted = [&guard] { return guard.requested(); };
  TrainingRecorder recorder(record, output.checkpoint());
  return train(task, options, recorder, output.checkpoint());
}

void print_complete(const std::string& output) {
  std::cout << output << " is complete: nothing to do\n";
}

}  // namespace madx

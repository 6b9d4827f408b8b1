#include "apps/run/training_run.h"

#include <iostream>
#include <memory>

#include "apps/run/training_recorder.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

/// Of a rank that nothing is kept or shown of.
class Follower : public TrainingObserver {
 public:
  explicit Follower(const InterruptGuard& guard) : guard_(guard) {}
  Wish wish() override { return guard_.requested() ? Wish::kStop : Wish::kGoOn; }

 private:
  const InterruptGuard& guard_;
};

std::unique_ptr<TrainingObserver> make_recorder(const TrainingRunOptions& run,
                                                const RunDirectory& output,
                                                const InterruptGuard& guard) {
  TrainingRecorderOptions record;
  record.label = run.label;
  record.directory = output.path();
  record.recipe = run.recipe;
  record.labels = run.labels;
  record.snapshot_every = run.snapshot_every;
  record.snapshot = run.snapshot;
  record.save_seconds = 60 * run.save_minutes;
  record.interrupted = [&guard] { return guard.requested(); };
  return std::make_unique<TrainingRecorder>(record, output.checkpoint());
}

}  // namespace

TrainingResult run_training(TrainingTask& task, const TrainerOptions& options,
                            const TrainingRunOptions& run, const RunDirectory& output,
                            const InterruptGuard& guard, RankGroup& ranks) {
  const auto observer =
      ranks.is_first() ? make_recorder(run, output, guard) : std::make_unique<Follower>(guard);
  try {
    return train(task, options, *observer, output.checkpoint(), ranks);
  } catch (const Interrupted& stop) {
    throw Interrupted(std::string(stop.what()) + "; go on with --resume");
  }
}

std::string training_summary(const TrainingResult& result) {
  auto text = plain_stream();
  text << counted(result.steps, "step") << ", " << counted(result.tokens, "token");
  if (result.passes)
    text << ", " << number_text(*result.passes) << (*result.passes == 1 ? " pass" : " passes");
  text << " in " << number_text(result.seconds) << " s, loss " << number_text(result.loss);
  return text.str();
}

std::string held_out_summary(const TrainingResult& result) {
  if (!result.best_figures) return "";
  const auto loss = number_text(*result.best_figures->eval_loss);
  if (result.averaged == 0) return ", best held-out loss " + loss;
  return ", held-out loss " + loss + " of the average of " + std::to_string(result.averaged) +
         " states";
}

void print_complete(const std::string& output) {
  std::cout << output << " is complete: nothing to do\n";
}

}  // namespace madx::apps

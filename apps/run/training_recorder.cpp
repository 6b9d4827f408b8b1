#include "apps/run/training_recorder.h"

#include <chrono>

#include "apps/report/line_chart.h"
#include "apps/run/checkpoint_files.h"
#include "apps/run/notes.h"
#include "madx/core/error.h"

namespace madx::apps {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TrainingRecorderOptions checked(TrainingRecorderOptions options) {
  if (options.directory.empty())
    input_error("TrainingRecorderOptions: expected directory to name one, but found nothing");
  if (!(options.save_seconds > 0)) {
    input_error("TrainingRecorderOptions: expected save_seconds above 0, but found ",
                options.save_seconds);
  }
  return options;
}

}  // namespace

TrainingRecorder::TrainingRecorder(TrainingRecorderOptions options, const Checkpoint* from)
    : options_(checked(std::move(options))),
      log_(options_.directory + "/metrics.jsonl",
           from == nullptr ? MetricsLog::Mode::kFresh : MetricsLog::Mode::kAppend) {
  if (from != nullptr) log_.truncate_after(from->step);
}

void TrainingRecorder::on_start(int64_t step, int64_t steps) {
  say_notes();
  ProgressOptions progress;
  progress.style = options_.progress;
  progress.first = step;
  bar_ = std::make_unique<ProgressBar>(options_.label, steps, progress);
  saved_at_ = now();
}

void TrainingRecorder::on_step(const Progress& progress) {
  bar_->update(progress.step, training_status(progress.loss, progress.tokens_per_second));
  if (options_.snapshot_every > 0 && progress.step % options_.snapshot_every == 0)
    options_.snapshot(progress.step);
}

void TrainingRecorder::on_evaluation(int64_t step, const std::string& summary) {
  bar_->note("step " + std::to_string(step) + ": " + summary);
}

void TrainingRecorder::on_log(const MetricsRow& row) {
  auto labelled = row;
  labelled.labels.insert(options_.labels.begin(), options_.labels.end());
  log_.write(labelled);
}

void TrainingRecorder::on_checkpoint(const Checkpoint& checkpoint) {
  write_checkpoint(options_.directory + "/checkpoint", checkpoint, options_.recipe);
  saved_at_ = now();
}

void TrainingRecorder::on_end() {
  bar_->finish();
  write_loss_curve(options_.directory + "/loss.svg",
                   read_metrics(options_.directory + "/metrics.jsonl"));
}

TrainingObserver::Wish TrainingRecorder::wish() {
  if (options_.interrupted && options_.interrupted()) return Wish::kStop;
  return now() - saved_at_ >= options_.save_seconds ? Wish::kSave : Wish::kGoOn;
}

}  // namespace madx::apps

#include "madx/train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>

#include "madx/core/error.h"
#include "madx/data/masking.h"
#include "madx/report/line_chart.h"
#include "madx/train/adamw.h"
#include "madx/train/checkpoint.h"
#include "madx/train/schedule.h"

namespace madx {
namespace {

volatile std::sig_atomic_t running = 0;
volatile std::sig_atomic_t interrupted = 0;

/// Says that a trainer runs, for as long as it does.
struct Running {
  Running() { running = 1; }
  ~Running() { running = 0; }
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors copied;
  for (const auto& [name, tensor] : tensors) copied.emplace_back(name, tensor.detach().clone());
  return copied;
}

/// Each tensor once, under the first of its names: an optimizer would step twice for two.
NamedTensors distinct(const NamedTensors& tensors) {
  NamedTensors once;
  for (const auto& entry : tensors) {
    const auto same = [&](const auto& other) { return other.second.is_same(entry.second); };
    if (std::none_of(once.begin(), once.end(), same)) once.push_back(entry);
  }
  return once;
}

/// Copies saved tensors back, name by name.
void restore(const NamedTensors& into, const NamedTensors& from, const std::string& where) {
  torch::NoGradGuard no_grad;
  bool fits = into.size() == from.size();
  for (size_t i = 0; fits && i < into.size(); ++i) {
    fits = into[i].first == from[i].first && into[i].second.sizes() == from[i].second.sizes();
    if (!fits) break;
    auto target = into[i].second;
    target.copy_(from[i].second);
  }
  if (!fits)
    input_error(
        where, ": expected the tensors of this run, but found others; start anew without --resume");
}

std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& entry : named) tensors.push_back(entry.second);
  return tensors;
}

/// What has gathered since the last logged step.
struct Interval {
  double loss = 0;
  int64_t steps = 0;
  int64_t tokens = 0;
  double since = now();
};

/// One run of `train`: its state between steps.
class Run {
 public:
  Run(TrainingTask& task, const TrainerOptions& options)
      : task_(task),
        options_(options),
        tensors_(distinct(task.trained())),
        optimizer_(tensors_of(tensors_), options.weight_decay),
        log_(options.directory + "/metrics.jsonl",
             options.resume ? MetricsLog::Mode::kAppend : MetricsLog::Mode::kFresh) {
    for (auto& entry : tensors_) entry.second.requires_grad_(true);
    if (options_.resume) resume();
  }

  TrainingResult go() {
    ProgressOptions progress;
    progress.style = options_.progress;
    progress.first = step_;
    ProgressBar bar(options_.label, options_.steps, progress);
    started_ = interval_.since = now();
    task_.train(true);
    while (step_ < options_.steps) {
      take_step();
      bar.update(step_, status_);
      const bool last = step_ == options_.steps;
      const bool evaluates = last || (options_.eval_every > 0 && step_ % options_.eval_every == 0);
      if (evaluates || step_ % options_.log_every == 0) log(evaluates, bar);
      const bool stops = interrupted != 0 && !last;
      if (stops || (options_.save_every > 0 && step_ % options_.save_every == 0)) save();
      if (stops) {
        interrupted = 0;  // a run that follows in this process goes on
        bar.finish();
        throw Interrupted("interrupted at step " + std::to_string(step_) + " of " +
                          std::to_string(options_.steps) + "; go on with --resume");
      }
    }
    bar.finish();
    if (best_score_) restore(tensors_, best_tensors_, options_.directory);
    task_.train(false);
    write_loss_curve(options_.directory + "/loss.svg",
                     read_metrics(options_.directory + "/metrics.jsonl"));
    return {step_, seconds(), loss_, best_score_, best_figures_};
  }

 private:
  double seconds() const { return seconds_before_ + now() - started_; }
  std::string checkpoint_directory() const { return options_.directory + "/checkpoint"; }

  void take_step() {
    // Dropout draws from LibTorch's generator: seeded by the step, it does not depend on what ran
    // before.
    torch::manual_seed(mix_seeds({options_.seed, static_cast<uint64_t>(step_)}));
    double loss = 0;
    for (int64_t part = 0; part < options_.gradient_accumulation; ++part) {
      const auto batch = task_.loss(step_ * options_.gradient_accumulation + part);
      const auto share = batch.value / static_cast<double>(options_.gradient_accumulation);
      share.backward();
      loss += share.item<double>();
      interval_.tokens += batch.tokens;
    }
    if (!std::isfinite(loss)) {
      input_error("training diverged: the loss is ", loss, " at step ", step_ + 1,
                  "; lower --lr (now ", options_.lr, ") or raise --warmup-steps");
    }
    lr_ = options_.lr * warmup_linear_decay(step_, options_.warmup_steps, options_.steps);
    optimizer_.step(lr_, std::max(1.0, optimizer_.gradient_norm() / options_.max_gradient_norm));
    interval_.loss += loss;
    ++interval_.steps;
    ++step_;
    status_ =
        training_status(interval_.loss / static_cast<double>(interval_.steps), tokens_per_second());
  }

  double tokens_per_second() const {
    return static_cast<double>(interval_.tokens) / std::max(1e-9, now() - interval_.since);
  }

  void log(bool evaluates, ProgressBar& bar) {
    MetricsRow row;
    row.step = step_;
    row.loss = loss_ = interval_.loss / static_cast<double>(interval_.steps);
    row.lr = lr_;
    row.tokens_per_second = tokens_per_second();
    if (evaluates) evaluate(row, bar);
    log_.write(row);
    interval_ = {};
  }

  void evaluate(MetricsRow& row, ProgressBar& bar) {
    task_.train(false);
    const auto evaluation = [&] {
      torch::NoGradGuard no_grad;
      return task_.evaluate();
    }();
    task_.train(true);
    if (!evaluation) return;
    row.eval_loss = evaluation->figures.eval_loss;
    row.perplexity = evaluation->figures.perplexity;
    row.extra = evaluation->figures.extra;
    bar.note("step " + std::to_string(step_) + ": " + evaluation->summary);
    if (std::isfinite(evaluation->score) && (!best_score_ || evaluation->score > *best_score_)) {
      best_score_ = evaluation->score;
      best_figures_ = row;
      best_tensors_ = copies(tensors_);
    }
  }

  NamedTensors moments(at::Tensor AdamW::State::*moment) const {
    NamedTensors named;
    for (size_t i = 0; i < tensors_.size(); ++i)
      named.emplace_back(tensors_[i].first, optimizer_.states()[i].*moment);
    return named;
  }

  void save() {
    Checkpoint checkpoint;
    checkpoint.step = step_;
    checkpoint.settings = options_.settings;
    checkpoint.tensors = tensors_;
    checkpoint.first_moments = moments(&AdamW::State::first_moment);
    checkpoint.second_moments = moments(&AdamW::State::second_moment);
    checkpoint.best_score = best_score_;
    if (best_figures_) checkpoint.best_step = best_figures_->step;
    checkpoint.best_tensors = best_tensors_;
    checkpoint.unlogged_loss = interval_.loss;
    checkpoint.unlogged_steps = interval_.steps;
    checkpoint.seconds = seconds();
    write_checkpoint(checkpoint_directory(), checkpoint);
  }

  void resume() {
    const auto directory = checkpoint_directory();
    const auto checkpoint = read_checkpoint(directory, options_.settings);
    restore(tensors_, checkpoint.tensors, directory);
    restore(moments(&AdamW::State::first_moment), checkpoint.first_moments, directory);
    restore(moments(&AdamW::State::second_moment), checkpoint.second_moments, directory);
    optimizer_.set_steps(checkpoint.step);
    step_ = checkpoint.step;
    seconds_before_ = checkpoint.seconds;
    interval_.loss = checkpoint.unlogged_loss;
    interval_.steps = checkpoint.unlogged_steps;
    log_.truncate_after(step_);
    best_score_ = checkpoint.best_score;
    best_tensors_ = checkpoint.best_tensors;
    for (const auto& row : read_metrics(options_.directory + "/metrics.jsonl")) {
      if (row.step == checkpoint.best_step) best_figures_ = row;
    }
  }

  TrainingTask& task_;
  const TrainerOptions& options_;
  NamedTensors tensors_;
  AdamW optimizer_;
  MetricsLog log_;
  int64_t step_ = 0;  // done
  double lr_ = 0;
  double loss_ = 0;  // of the last logged interval
  Interval interval_;
  std::string status_;
  double started_ = now();
  double seconds_before_ = 0;  // of the runs that this one resumes
  std::optional<double> best_score_;
  std::optional<MetricsRow> best_figures_;
  NamedTensors best_tensors_;
};

}  // namespace

bool interrupt_training() noexcept {
  if (running == 0) return false;
  interrupted = 1;
  return true;
}

TrainingResult train(TrainingTask& task, const TrainerOptions& options) {
  const Running guard;
  return Run(task, options).go();
}

}  // namespace madx

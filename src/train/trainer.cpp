#include "madx/train/trainer.h"

#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "madx/core/error.h"
#include "madx/data/masking.h"
#include "madx/train/adamw.h"
#include "madx/train/schedule.h"
#include "train/gradient_sum.h"
#include "train/interval.h"
#include "train/named_tensors.h"
#include "train/tensor_average.h"

namespace madx {
namespace {

using detail::copies;
using detail::now;
using detail::restore;

/// One run of `train`: its state between steps.
class Run {
 public:
  Run(TrainingTask& task, const TrainerOptions& options, TrainingObserver& observer,
      RankGroup& ranks)
      : task_(task),
        options_(options),
        observer_(observer),
        ranks_(ranks),
        tensors_(detail::distinct(task.trained())),
        optimizer_(detail::tensors_of(tensors_), options.weight_decay),
        sum_gradients_(tensors_, ranks),
        average_(options.average_every, options.steps) {
    task_.share_with(ranks_);
    leave();
  }

  void resume(const Checkpoint& checkpoint) {
    if (checkpoint.step < 0 || checkpoint.step > options_.steps) {
      input_error("the checkpoint: expected at most the ", options_.steps,
                  " steps of this run, but found ", checkpoint.step, "; start anew without it");
    }
    restore(tensors_, checkpoint.tensors);
    restore(optimizer_state(&AdamW::State::first_moment), checkpoint.first_moments);
    restore(optimizer_state(&AdamW::State::second_moment), checkpoint.second_moments);
    restore(optimizer_state(&AdamW::State::steps), checkpoint.tensor_steps);
    step_ = checkpoint.step;
    seconds_before_ = checkpoint.seconds;
    loss_ = checkpoint.loss;
    interval_.loss = checkpoint.unlogged_loss;
    interval_.steps = checkpoint.unlogged_steps;
    interval_.tokens = checkpoint.unlogged_tokens;
    tokens_ = checkpoint.tokens;
    best_score_ = checkpoint.best_score;
    best_figures_ = checkpoint.best_figures;
    if (!checkpoint.best_tensors.empty()) detail::check_fits(tensors_, checkpoint.best_tensors);
    best_tensors_ = checkpoint.best_tensors;
    average_.resume(tensors_, checkpoint);
  }

  /// All ranks are where rank 0 is.
  void begin_together() {
    const auto step = at::tensor({step_}, at::kLong);
    ranks_.broadcast(step);
    step_ = step.item<int64_t>();
    detail::broadcast_all(tensors_, ranks_);
    for (const auto part :
         {&AdamW::State::first_moment, &AdamW::State::second_moment, &AdamW::State::steps}) {
      detail::broadcast_all(optimizer_state(part), ranks_);
    }
  }

  TrainingResult go() {
    started_ = interval_.since = now();
    observer_.on_start(step_, options_.steps);
    task_.begin_step(step_);
    task_.train(true);
    while (step_ < options_.steps) {
      take_step();
      observer_.on_step(
          {step_, options_.steps, interval_.mean_loss(), interval_.tokens_per_second()});
      if (ranks_.is_first()) average_.take(tensors_, step_);
      const bool last = step_ == options_.steps;
      const bool evaluates = last || (options_.eval_every > 0 && step_ % options_.eval_every == 0);
      if (evaluates || step_ % options_.log_every == 0) log(evaluates);
      save_or_stop(last);
    }
    if (average_.on() && ranks_.is_first()) {
      restore(tensors_, average_.mean());
    } else if (best_score_) {
      restore(tensors_, best_tensors_);
    }
    detail::broadcast_all(tensors_, ranks_);
    leave();
    observer_.on_end();
    return {step_, tokens_,     passes(),      seconds(),
            loss_, best_score_, best_figures_, average_.count()};
  }

  /// Puts right what a run leaves, this one or one before, however it ended: gradients of a step
  /// that was not made, and what the task's `begin_step` and batches have set.
  void leave() {
    for (auto& entry : tensors_) {
      entry.second.mutable_grad().reset();
      entry.second.requires_grad_(true);
    }
    task_.train(false);
  }

 private:
  std::optional<double> passes() const {
    return task_.passes(step_ * options_.gradient_accumulation);
  }
  double seconds() const { return seconds_before_ + now() - started_; }

  void take_step() {
    // Dropout draws from LibTorch's generator: seeded by the step, it does not depend on what ran
    // before.
    torch::manual_seed(mix_seeds({options_.seed, static_cast<uint64_t>(step_)}));
    double loss = 0;
    for (int64_t part = 0; part < options_.gradient_accumulation; ++part) {
      const auto batch = task_.loss(step_ * options_.gradient_accumulation + part);
      if (batch.value.defined()) {
        const auto share = batch.value / static_cast<double>(options_.gradient_accumulation);
        share.backward();
        loss += share.item<double>();
      }
      interval_.tokens += batch.tokens;
      interval_.timed_tokens += batch.tokens;
      tokens_ += batch.tokens;
    }
    loss = sum_gradients_(loss);
    const auto norm = optimizer_.gradient_norm();
    if (!std::isfinite(loss)) diverged("the loss is", loss);
    if (!std::isfinite(norm)) diverged("the gradient's norm is", norm);
    lr_ = options_.lr * warmup_linear_decay(step_, options_.warmup_steps, options_.steps);
    optimizer_.step_and_clear(lr_, std::max(1.0, norm / options_.max_gradient_norm));
    interval_.loss += loss;
    ++interval_.steps;
    ++step_;
    task_.begin_step(step_);
  }

  [[noreturn]] void diverged(const char* what, double value) const {
    const double shown = std::isnan(value) ? std::nan("") : value;  // without a sign
    if (step_ == 0) {
      input_error(
          "training: expected finite numbers, but ", what, " ", shown,
          " at step 1, before anything was learned; weights of the encoder, the head or an ",
          "adapter are not finite, or far too large: copy or train them again");
    }
    input_error("training diverged: ", what, " ", shown, " at step ", step_ + 1,
                "; lower the learning rate (now ", options_.lr, ") or raise the warm-up steps");
  }

  void log(bool evaluates) {
    MetricsRow row;
    row.step = step_;
    row.loss = loss_ = interval_.mean_loss();
    row.lr = lr_;
    row.tokens_per_second = interval_.tokens_per_second();
    row.extra["tokens_per_step"] =
        static_cast<double>(interval_.tokens) / static_cast<double>(interval_.steps);
    row.extra["tokens_seen"] = static_cast<double>(tokens_);
    if (const auto done = passes()) row.extra["passes"] = *done;
    if (evaluates && ranks_.is_first()) evaluate(row);
    observer_.on_log(row);
    interval_ = {};
  }

  /// Of an averaged run, the last evaluation is that of the average, and the one that counts.
  void evaluate(MetricsRow& row) {
    const bool of_average = average_.on() && step_ == options_.steps;
    NamedTensors last;
    if (of_average) {
      last = copies(tensors_);
      restore(tensors_, average_.mean());
      row.extra["averaged"] = static_cast<double>(average_.count());
    }
    task_.train(false);
    const auto evaluation = [&] {
      torch::NoGradGuard no_grad;
      return task_.evaluate();
    }();
    task_.train(true);
    if (evaluation) take_evaluation(*evaluation, row, of_average);
    if (of_average) restore(tensors_, last);
  }

  void take_evaluation(const TrainingTask::Evaluation& evaluation, MetricsRow& row,
                       bool of_average) {
    row.eval_loss = evaluation.figures.eval_loss;
    row.perplexity = evaluation.figures.perplexity;
    row.extra.insert(evaluation.figures.extra.begin(), evaluation.figures.extra.end());
    const auto of_what =
        of_average ? "average of " + std::to_string(average_.count()) + ": " : std::string();
    observer_.on_evaluation(step_, of_what + evaluation.summary);
    if (average_.on() && !of_average) return;
    if (std::isfinite(evaluation.score) && (!best_score_ || evaluation.score > *best_score_)) {
      best_score_ = evaluation.score;
      best_figures_ = row;
      best_tensors_ = copies(tensors_);
    }
  }

  void save_or_stop(bool last) {
    using Wish = TrainingObserver::Wish;
    const auto wish = static_cast<Wish>(ranks_.largest(static_cast<int64_t>(observer_.wish())));
    const bool stops = wish == Wish::kStop && !last;
    const bool due = options_.save_every > 0 && step_ % options_.save_every == 0;
    if (due || stops || wish == Wish::kSave) {
      detail::require_alike(tensors_, ranks_, step_);
      observer_.on_checkpoint(state());
    }
    if (stops) {
      throw Interrupted("interrupted at step " + std::to_string(step_) + " of " +
                        std::to_string(options_.steps));
    }
  }

  NamedTensors optimizer_state(at::Tensor AdamW::State::*part) const {
    NamedTensors named;
    for (size_t i = 0; i < tensors_.size(); ++i)
      named.emplace_back(tensors_[i].first, optimizer_.states()[i].*part);
    return named;
  }

  Checkpoint state() const {
    Checkpoint checkpoint;
    checkpoint.step = step_;
    checkpoint.tensors = tensors_;
    checkpoint.first_moments = optimizer_state(&AdamW::State::first_moment);
    checkpoint.second_moments = optimizer_state(&AdamW::State::second_moment);
    checkpoint.tensor_steps = optimizer_state(&AdamW::State::steps);
    checkpoint.best_score = best_score_;
    checkpoint.best_figures = best_figures_;
    checkpoint.best_tensors = best_tensors_;
    checkpoint.tensor_sums = average_.sums();
    checkpoint.averaged = average_.count();
    checkpoint.loss = loss_;
    checkpoint.unlogged_loss = interval_.loss;
    checkpoint.unlogged_steps = interval_.steps;
    checkpoint.unlogged_tokens = interval_.tokens;
    checkpoint.tokens = tokens_;
    checkpoint.seconds = seconds();
    return checkpoint;
  }

  TrainingTask& task_;
  const TrainerOptions& options_;
  TrainingObserver& observer_;
  RankGroup& ranks_;
  NamedTensors tensors_;
  AdamW optimizer_;
  detail::GradientSum sum_gradients_;
  detail::TensorAverage average_;
  int64_t step_ = 0;    // done
  int64_t tokens_ = 0;  // read in them
  double lr_ = 0;
  double loss_ = 0;  // of the last logged interval
  detail::Interval interval_;
  double started_ = now();
  double seconds_before_ = 0;  // of the runs that this one resumes
  std::optional<double> best_score_;
  std::optional<MetricsRow> best_figures_;
  NamedTensors best_tensors_;
};

}  // namespace

TrainingResult train(TrainingTask& task, const TrainerOptions& options, TrainingObserver& observer,
                     const Checkpoint* from, RankGroup& ranks) {
  check_trainer_options(options);
  Run run(task, options, observer, ranks);
  try {
    if (from != nullptr) run.resume(*from);
    run.begin_together();
    return run.go();
  } catch (...) {
    run.leave();
    throw;
  }
}

}  // namespace madx

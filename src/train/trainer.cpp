#include "madx/train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>

#include "madx/core/error.h"
#include "madx/data/masking.h"
#include "madx/report/line_chart.h"
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

/// Weight matrices decay; biases and LayerNorms (one dimension) do not.
std::vector<torch::optim::OptimizerParamGroup> parameter_groups(const NamedTensors& tensors,
                                                                const TrainerOptions& options) {
  std::vector<at::Tensor> matrices, vectors;
  for (const auto& entry : tensors)
    (entry.second.dim() > 1 ? matrices : vectors).push_back(entry.second);
  const auto group = [&](std::vector<at::Tensor> of, double decay) {
    return torch::optim::OptimizerParamGroup(
        std::move(of), std::make_unique<torch::optim::AdamWOptions>(
                           torch::optim::AdamWOptions(options.lr).weight_decay(decay)));
  };
  return {group(matrices, options.weight_decay), group(vectors, 0.0)};
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
        optimizer_(parameter_groups(tensors_, options), torch::optim::AdamWOptions(options.lr)),
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
    std::vector<at::Tensor> parameters;
    for (const auto& entry : tensors_) parameters.push_back(entry.second);
    torch::nn::utils::clip_grad_norm_(parameters, options_.max_gradient_norm);
    lr_ = options_.lr * warmup_linear_decay(step_, options_.warmup_steps, options_.steps);
    for (auto& group : optimizer_.param_groups()) group.options().set_lr(lr_);
    optimizer_.step();
    optimizer_.zero_grad();
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

  /// AdamW's state of one tensor; made where no step has been taken yet.
  torch::optim::AdamWParamState& moments(const at::Tensor& tensor) {
    auto& state = optimizer_.state()[tensor.unsafeGetTensorImpl()];
    if (!state) {
      auto fresh = std::make_unique<torch::optim::AdamWParamState>();
      fresh->exp_avg(at::zeros_like(tensor));
      fresh->exp_avg_sq(at::zeros_like(tensor));
      state = std::move(fresh);
    }
    return static_cast<torch::optim::AdamWParamState&>(*state);
  }

  void save() {
    Checkpoint checkpoint;
    checkpoint.step = step_;
    checkpoint.settings = options_.settings;
    checkpoint.tensors = tensors_;
    for (const auto& [name, tensor] : tensors_) {
      checkpoint.first_moments.emplace_back(name, moments(tensor).exp_avg());
      checkpoint.second_moments.emplace_back(name, moments(tensor).exp_avg_sq());
    }
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
    NamedTensors first, second;
    for (const auto& [name, tensor] : tensors_) {
      auto& state = moments(tensor);
      state.step(checkpoint.step);
      first.emplace_back(name, state.exp_avg());
      second.emplace_back(name, state.exp_avg_sq());
    }
    restore(first, checkpoint.first_moments, directory);
    restore(second, checkpoint.second_moments, directory);
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
  torch::optim::AdamW optimizer_;
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

#include "madx/train/trainer.h"

#include <gmock/gmock.h>
#include <torch/nn/functional/loss.h>
#include <torch/utils.h>

#include "../models/tiny_encoder.h"
#include "../support.h"
#include "madx/train/mlm_task.h"
#include "madx/train/schedule.h"
#include "training_record.h"

namespace madx {
namespace trainer_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// Least squares on 24 rows, `rows` a batch. `scores` are what its evaluations find, one after the
/// other.
class Regression : public TrainingTask {
 public:
  explicit Regression(int64_t rows, std::vector<double> scores = {})
      : rows_(rows), scores_(std::move(scores)) {
    torch::manual_seed(15);
    x_ = at::randn({24, 4});
    y_ = at::randn({24, 2});
  }
  Loss loss(int64_t index) override {
    const auto part = [&](const at::Tensor& all) {
      return all.narrow(0, index * rows_ % 24, rows_);
    };
    const auto predicted = at::linear(part(x_), weight, bias);
    const auto scale = index == diverges_at ? std::nan("") : 1.0;
    return {at::mse_loss(predicted, part(y_)) * scale * loss_scale, rows_};
  }
  std::optional<Evaluation> evaluate() override {
    EXPECT_FALSE(training);
    EXPECT_FALSE(at::GradMode::is_enabled());
    if (evaluations.size() == scores_.size()) return std::nullopt;
    Evaluation evaluation;
    evaluation.score = scores_[evaluations.size()];
    evaluation.figures.extra["score"] = evaluation.score;
    evaluations.push_back(weight.detach().clone());
    return evaluation;
  }
  void train(bool on) override { training = on; }
  NamedTensors trained() const override { return {{"weight", weight}, {"bias", bias}}; }

  at::Tensor weight = at::ones({2, 4}), bias = at::ones({2});
  std::vector<at::Tensor> evaluations;
  bool training = false;
  int64_t diverges_at = -1;
  double loss_scale = 1;

 private:
  int64_t rows_;
  std::vector<double> scores_;
  at::Tensor x_, y_;
};

/// A language adapter with its invertible adapter and a head, on the tiny encoder with its dropout.
struct MlmRun {
  MlmRun(const std::string& text, uint64_t seed)
      : batches(TextCorpus({text}), load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr"), options()),
        held_out(batches) {
    torch::manual_seed(seed);
    auto config = named_config("pfeiffer+inv");
    config.reduction_factor = 2;
    auto trained = adapters->add("sw", config)->named_tensors();
    adapters->activate({"sw"});
    for (const auto& item : head->named_parameters())
      trained.emplace_back("head." + item.key(), item.value());
    task = std::make_unique<MlmTask>(encoder, adapters, head, batches, &held_out, trained);
  }
  static MlmBatchesOptions options() {
    MlmBatchesOptions options;
    options.max_length = 16;
    return options;
  }

  Encoder encoder = tiny_encoder();
  AdapterStack adapters{/*hidden_size=*/12, /*num_layers=*/2};
  MlmHead head{MlmHeadOptions(12, 252)};
  MlmBatches batches, held_out;
  std::unique_ptr<MlmTask> task;
};

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }  // the models are too small for more

  static TrainerOptions options(int64_t steps) {
    TrainerOptions options;
    options.steps = steps;
    options.lr = 0.01;
    options.log_every = 1;
    return options;
  }
  /// Trains to the end, from `from` where there is one.
  TrainingResult train_on(TrainingTask& task, const TrainerOptions& options,
                          const Checkpoint* from = nullptr) {
    return train(task, options, record_, from);
  }
  std::string write_text() const {
    std::string text;
    for (int i = 0; i < 30; ++i)
      text += "Kila asubuhi mwalimu anatembea kwenda shuleni " + std::to_string(i) + "\n";
    io::write_bytes(folder_ / "sw.txt", text);
    return folder_ / "sw.txt";
  }

  TemporaryFolder folder_;
  Record record_;
};

TEST_F(TrainerTest, LowersTheLossOfMaskedLmAndLeavesTheEncoderAlone) {
  MlmRun run(write_text(), 1);
  std::vector<at::Tensor> before;
  for (const auto& weight : run.encoder->parameters()) before.push_back(weight.clone());
  auto chosen = options(60);
  chosen.lr = 0.05;
  chosen.warmup_steps = 5;
  chosen.eval_every = 20;
  const auto result = train_on(*run.task, chosen);
  const auto& logged = record_.rows;
  ASSERT_EQ(logged.size(), 60u);
  double first = 0, last = 0;
  for (size_t i = 0; i < 10; ++i) first += logged[i].loss / 10, last += logged[50 + i].loss / 10;
  EXPECT_LT(last, first - 1);
  EXPECT_LT(*logged[59].eval_loss, *logged[19].eval_loss);
  EXPECT_NEAR(*logged[59].perplexity, std::exp(*logged[59].eval_loss), 1e-9);
  EXPECT_EQ(result.steps, 60);
  EXPECT_EQ(*result.best_score, -*result.best_figures->eval_loss);
  for (const auto& row : logged) {
    EXPECT_DOUBLE_EQ(row.lr, 0.05 * warmup_linear_decay(row.step - 1, 5, 60));
    EXPECT_GT(row.tokens_per_second, 0);
  }
  EXPECT_FALSE(run.encoder->is_training());
  const auto after = run.encoder->parameters();
  for (size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(after[i], before[i]));
}

TEST_F(TrainerTest, ResumesToTheSameBitsAsAnUninterruptedRun) {
  const auto text = write_text();
  for (const int64_t log_every : {1, 4}) {
    SCOPED_TRACE(log_every);
    auto chosen = options(20);
    chosen.log_every = log_every;
    chosen.eval_every = 5;
    chosen.gradient_accumulation = 2;
    chosen.weight_decay = 0.1;
    MlmRun uninterrupted(text, 1), first(text, 1), second(text, 2);
    Record whole, stopped(/*stop_after=*/7), resumed;
    const auto expected = train(*uninterrupted.task, chosen, whole);
    try {
      train(*first.task, chosen, stopped);
      ADD_FAILURE() << "not interrupted";
    } catch (const Interrupted& message) {
      EXPECT_STREQ(message.what(), "interrupted at step 7 of 20");
    }
    const auto result = train(*second.task, chosen, resumed, &stopped.checkpoint);

    expect_same_tensors(second.task->trained(), uninterrupted.task->trained());
    EXPECT_EQ(result.best_score, expected.best_score);
    EXPECT_EQ(result.best_figures->step, expected.best_figures->step);
    EXPECT_EQ(result.loss, expected.loss);
    auto ours = stopped.rows;
    ours.insert(ours.end(), resumed.rows.begin(), resumed.rows.end());
    const auto& theirs = whole.rows;
    ASSERT_EQ(ours.size(), theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i].step, theirs[i].step);
      EXPECT_EQ(ours[i].loss, theirs[i].loss) << "step " << ours[i].step;
      EXPECT_EQ(ours[i].lr, theirs[i].lr);
      EXPECT_EQ(ours[i].eval_loss, theirs[i].eval_loss);
    }
  }
}

TEST_F(TrainerTest, AStoppedTrainingDoesNotStopTheNextOne) {
  Regression task(4);
  Record stopped(/*stop_after=*/3), at_the_end(/*stop_after=*/6);
  EXPECT_THROW(train(task, options(6), stopped), Interrupted);
  EXPECT_EQ(train(task, options(6), at_the_end).steps, 6) << "too late to stop";
  EXPECT_EQ(train_on(task, options(6)).steps, 6);
}

TEST_F(TrainerTest, KeepsTheTensorsOfTheBestEvaluation) {
  Regression task(4, {1, 3, 2});
  auto chosen = options(6);
  chosen.eval_every = 2;
  const auto result = train_on(task, chosen);
  ASSERT_EQ(task.evaluations.size(), 3u);
  EXPECT_TRUE(at::equal(task.weight, task.evaluations[1]));
  EXPECT_FALSE(at::equal(task.weight, task.evaluations[2]));
  EXPECT_EQ(result.best_score, 3);
  EXPECT_EQ(result.best_figures->step, 4);
  EXPECT_FALSE(task.training);
}

TEST_F(TrainerTest, KeepsTheLastTensorsWithoutHeldOutData) {
  Regression task(4);
  auto chosen = options(10);
  chosen.log_every = 4;
  chosen.save_every = 10;
  const auto result = train_on(task, chosen);
  EXPECT_FALSE(result.best_score);
  expect_same_tensors(task.trained(), record_.checkpoint.tensors);
  std::vector<int64_t> steps;
  for (const auto& row : record_.rows) steps.push_back(row.step);
  EXPECT_THAT(steps, ElementsAre(4, 8, 10));
}

TEST_F(TrainerTest, AccumulatesTheGradientOfOneLargerBatch) {
  Regression large(12), small(4);
  auto chosen = options(8);
  chosen.gradient_accumulation = 3;
  Record of_large;
  train(large, options(8), of_large);
  train_on(small, chosen);
  EXPECT_GT((large.weight - 1).abs().max().item<double>(), 0.02);
  expect_close(small.weight, large.weight, 1e-5);
  expect_close(small.bias, large.bias, 1e-5);
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(record_.rows[i].loss, of_large.rows[i].loss, 1e-5);
}

TEST_F(TrainerTest, DecaysMatricesAndClipsTheGradient) {
  Regression still(4);
  still.loss_scale = 0;
  auto chosen = options(1);
  chosen.weight_decay = 0.5;
  train_on(still, chosen);
  expect_close(still.weight, at::full({2, 4}, 1 - 0.01 * 0.5), 1e-6);
  EXPECT_TRUE(at::equal(still.bias, at::ones({2})));

  Regression steep(4);
  steep.loss_scale = 1000;
  chosen = options(1);
  chosen.max_gradient_norm = 0.5;
  chosen.save_every = 1;
  train_on(steep, chosen);
  double squares = 0;  // AdamW's first moment after one step is a tenth of the gradient
  for (const auto& entry : record_.checkpoint.first_moments) {
    squares += entry.second.square().sum().item<double>();
  }
  EXPECT_NEAR(std::sqrt(squares), 0.05, 1e-5);
}

TEST_F(TrainerTest, StepsOnceForATensorOfTwoNames) {
  struct Twice : Regression {
    using Regression::Regression;
    NamedTensors trained() const override {
      return {{"weight", weight}, {"alias", weight}, {"bias", bias}};
    }
  };
  Regression once(4);
  Twice twice(4);
  train_on(once, options(4));
  train_on(twice, options(4));
  expect_close(twice.weight, once.weight, 0);
}

TEST_F(TrainerTest, StopsWhenTheLossIsNotFinite) {
  Regression task(4);
  task.diverges_at = 3;
  EXPECT_EQ(
      input_error_of([&] { train_on(task, options(6)); }),
      "training diverged: the loss is nan at step 4; lower the learning rate (now 0.01) or raise "
      "the warm-up steps");
  EXPECT_EQ(record_.rows.size(), 3u);

  Regression damaged(4);
  damaged.diverges_at = 0;
  EXPECT_THAT(input_error_of([&] { train_on(damaged, options(6)); }),
              AllOf(HasSubstr("the loss is nan at step 1, before anything was learned"),
                    HasSubstr("are not finite, or far too large")));
}

TEST_F(TrainerTest, LeavesTheTaskReadyForAnotherTrainingHoweverItEnds) {
  Regression diverged(4), fresh(4);
  diverged.diverges_at = 3;
  EXPECT_THROW(train_on(diverged, options(6)), InputError);
  EXPECT_FALSE(diverged.training);
  EXPECT_FALSE(diverged.weight.grad().defined()) << "of the step that was not made";
  diverged.diverges_at = -1;
  {
    const torch::NoGradGuard no_grad;
    diverged.weight.copy_(fresh.weight);
    diverged.bias.copy_(fresh.bias);
  }
  diverged.weight.mutable_grad() = at::ones({2, 4});  // somebody else's
  train_on(diverged, options(6));
  train_on(fresh, options(6));
  expect_close(diverged.weight, fresh.weight, 0);

  Regression stopped(4);
  Record record(/*stop_after=*/2);
  EXPECT_THROW(train(stopped, options(6), record), Interrupted);
  EXPECT_FALSE(stopped.training);
}

TEST_F(TrainerTest, StopsBeforeTheLastStepToo) {
  // A loss of a number whose gradient is none: sqrt(0).
  struct Kinked : Regression {
    using Regression::Regression;
    Loss loss(int64_t index) override {
      auto loss = Regression::loss(index);
      if (index == 5) loss.value = loss.value + (weight - weight.detach()).square().sum().sqrt();
      return loss;
    }
  };
  Kinked task(4);
  EXPECT_EQ(input_error_of([&] { train_on(task, options(6)); }),
            "training diverged: the gradient's norm is nan at step 6; lower the learning rate (now "
            "0.01) or "
            "raise the warm-up steps");
  EXPECT_TRUE(at::isfinite(task.weight).all().item<bool>()) << "not poisoned";
}

TEST_F(TrainerTest, RefusesOptionsThatNoTrainingCanHave) {
  Regression task(4);
  const auto error_of = [&](auto change) {
    auto chosen = options(6);
    change(chosen);
    return input_error_of([&] { train_on(task, chosen); });
  };
  EXPECT_EQ(error_of([](auto& o) { o.log_every = 0; }),
            "TrainerOptions: expected log_every above 0, but found 0");
  EXPECT_THAT(error_of([](auto& o) { o.steps = 0; }), HasSubstr("expected steps above 0"));
  EXPECT_THAT(error_of([](auto& o) { o.gradient_accumulation = 0; }),
              HasSubstr("expected gradient_accumulation above 0"));
  EXPECT_THAT(error_of([](auto& o) { o.lr = std::nan(""); }), HasSubstr("expected lr above 0"));
  EXPECT_THAT(error_of([](auto& o) { o.warmup_steps = -1; }), HasSubstr("expected warmup_steps"));
  EXPECT_THAT(error_of([](auto& o) { o.weight_decay = -1; }), HasSubstr("expected weight_decay"));
  EXPECT_THAT(error_of([](auto& o) { o.max_gradient_norm = 0; }),
              HasSubstr("expected max_gradient_norm above 0"));
  EXPECT_THAT(error_of([](auto& o) { o.eval_every = -1; }), HasSubstr("expected eval_every"));
  EXPECT_THAT(error_of([](auto& o) { o.save_every = -1; }), HasSubstr("expected save_every"));
  EXPECT_THAT(error_of([](auto& o) { o.average_every = -1; }), HasSubstr("expected average_every"));
  EXPECT_EQ(
      error_of([](auto& o) { o.average_every = 6; }),
      "TrainerOptions: expected average_every from 0 to below steps, so that there are several "
      "to average, but found 6");
  EXPECT_TRUE(record_.rows.empty());
}

TEST_F(TrainerTest, RefusesACheckpointOfOtherTensors) {
  Regression task(4), wider(4);
  auto chosen = options(6);
  chosen.save_every = 2;
  train_on(task, chosen);
  const std::string refusal =
      "the checkpoint: expected the tensors of this run, but found others; start anew without it";
  wider.bias = at::ones({3});
  EXPECT_EQ(input_error_of([&] { train_on(wider, chosen, &record_.checkpoint); }), refusal);
  EXPECT_TRUE(at::equal(wider.weight.detach(), at::ones({2, 4}))) << "the first is not copied";
  auto other_best = record_.checkpoint;
  other_best.best_tensors = {{"weight", at::ones({1})}};
  EXPECT_EQ(input_error_of([&] { train_on(task, chosen, &other_best); }), refusal);
}

TEST_F(TrainerTest, SaysHowManyStepsAreDoneBeforeEachAndBeforeEvaluations) {
  struct Counting : Regression {
    using Regression::Regression;
    void begin_step(int64_t step) override { steps.push_back(step); }
    std::vector<int64_t> steps;
  };
  Counting task(4), resumed(4);
  auto chosen = options(4);
  chosen.gradient_accumulation = 2;
  Record stopped(/*stop_after=*/2);
  EXPECT_THROW(train(task, chosen, stopped), Interrupted);
  EXPECT_THAT(task.steps, ElementsAre(0, 1, 2)) << "once a step, not once a batch";
  train_on(resumed, chosen, &stopped.checkpoint);
  EXPECT_THAT(resumed.steps, ElementsAre(2, 3, 4));
}

}  // namespace trainer_test
}  // namespace madx

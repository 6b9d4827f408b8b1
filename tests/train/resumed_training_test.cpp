// What a training counts, draws and keeps besides its tensors, interrupted or not.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <set>

#include "../support.h"
#include "madx/train/trainer.h"
#include "training_record.h"

namespace madx {
namespace resumed_training_test {

/// One weight that is drawn to 3. Each batch draws a number, as dropout does, and has more tokens
/// than the one before. `scores` are what its evaluations find, one after the other.
class Drawing : public TrainingTask {
 public:
  explicit Drawing(std::vector<double> scores = {}) : scores_(std::move(scores)) {}
  Loss loss(int64_t index) override {
    drawn.push_back(at::rand({}).item<double>());
    return {at::square(weight - 3).sum(), 10 + index};
  }
  std::optional<Evaluation> evaluate() override {
    if (evaluated.size() == scores_.size()) return std::nullopt;
    Evaluation evaluation;
    evaluation.score = scores_[evaluated.size()];
    evaluated.push_back(weight.detach().clone());
    return evaluation;
  }
  void train(bool) override {}
  NamedTensors trained() const override { return {{"weight", weight}}; }

  at::Tensor weight = at::ones({2});
  std::vector<double> drawn;
  std::vector<at::Tensor> evaluated;

 private:
  std::vector<double> scores_;
};

TrainerOptions options(int64_t steps) {
  TrainerOptions options;
  options.steps = steps;
  options.lr = 0.01;
  options.log_every = 4;
  options.save_every = 1;
  return options;
}

TEST(ResumedTraining, CountsTheTokensAndSecondsOfAllItsRuns) {
  Drawing whole, rest;
  Record record, resumed;
  const auto expected = train(whole, options(6), record);
  EXPECT_EQ(expected.tokens, 10 + 11 + 12 + 13 + 14 + 15);
  ASSERT_EQ(record.rows.size(), 2u);
  EXPECT_EQ(record.rows[0].extra.at("tokens_per_step"), (10 + 11 + 12 + 13) / 4.0);
  EXPECT_EQ(record.rows[1].extra.at("tokens_per_step"), (14 + 15) / 2.0) << "since the last row";
  EXPECT_EQ(record.rows[1].extra.at("tokens_seen"), expected.tokens);
  auto checkpoint = record.checkpoints.at(1);
  checkpoint.seconds = 1000;
  const auto result = train(rest, options(6), resumed, &checkpoint);
  EXPECT_EQ(result.tokens, expected.tokens);
  EXPECT_GE(result.seconds, 1000);
  EXPECT_LT(result.seconds, 1100);
  EXPECT_GE(resumed.checkpoint.seconds, 1000);
  ASSERT_EQ(resumed.rows.size(), record.rows.size());
  for (size_t i = 0; i < resumed.rows.size(); ++i) {
    EXPECT_EQ(resumed.rows[i].loss, record.rows[i].loss);
    EXPECT_EQ(resumed.rows[i].extra, record.rows[i].extra) << "tokens a step and in all";
  }
}

TEST(ResumedTraining, DrawsOtherNumbersInEachStepAndTheSameOnesAgain) {
  Drawing whole, rest;
  Record record, resumed;
  auto chosen = options(6);
  chosen.gradient_accumulation = 2;
  train(whole, chosen, record);
  EXPECT_EQ(std::set<double>(whole.drawn.begin(), whole.drawn.end()).size(), 12u);
  train(rest, chosen, resumed, &record.checkpoints.at(3));
  const std::vector<double> last(whole.drawn.begin() + 8, whole.drawn.end());
  EXPECT_EQ(rest.drawn, last);
  Drawing of_another_seed;
  chosen.seed += 1;
  train(of_another_seed, chosen, resumed);
  EXPECT_NE(of_another_seed.drawn[0], whole.drawn[0]);
}

TEST(ResumedTraining, KeepsTheBestOfTheRunsBeforeIt) {
  Drawing first({5, 1, 1}), rest({2, 3});
  Record record, resumed;
  auto chosen = options(6);
  chosen.eval_every = 2;
  train(first, chosen, record);
  const auto result = train(rest, chosen, resumed, &record.checkpoints.at(2));
  EXPECT_EQ(result.best_score, 5);
  EXPECT_EQ(result.best_figures->step, 2);
  EXPECT_TRUE(at::equal(rest.weight, first.evaluated[0]));
}

TEST(ResumedTraining, HasNoMoreStepsBehindItThanTheRunHas) {
  Drawing task, shorter;
  Record record, resumed;
  train(task, options(6), record);
  EXPECT_EQ(
      input_error_of([&] { train(shorter, options(4), resumed, &record.checkpoints.at(4)); }),
      "the checkpoint: expected at most the 4 steps of this run, but found 5; start anew without "
      "it");
  EXPECT_EQ(train(shorter, options(4), resumed, &record.checkpoints.at(3)).steps, 4);
}

TEST(ResumedTraining, IsRefusedACheckpointOfTensorsOfOtherNames) {
  Drawing task, other;
  Record record, resumed;
  train(task, options(2), record);
  auto checkpoint = record.checkpoints.at(0);
  checkpoint.tensors[0].first = "bias";
  EXPECT_EQ(input_error_of([&] { train(other, options(2), resumed, &checkpoint); }),
            "the checkpoint: expected the tensors of this run, but found others; start anew "
            "without it");
}

TEST(TrainerOptions, RefusesALearningRateThatIsNotFinite) {
  auto chosen = options(2);
  chosen.lr = INFINITY;
  EXPECT_EQ(input_error_of([&] { check_trainer_options(chosen); }),
            "TrainerOptions: expected lr above 0, but found inf");
}

TEST(BestEvaluation, IsTheFirstOfSeveralThatAreEqual) {
  Drawing task({2, 2, 1});
  Record record;
  auto chosen = options(6);
  chosen.eval_every = 2;
  const auto result = train(task, chosen, record);
  EXPECT_EQ(result.best_figures->step, 2);
  EXPECT_TRUE(at::equal(task.weight, task.evaluated[0]));
}

TEST(BestEvaluation, IsNoneWhoseScoreIsNotFinite) {
  Drawing task({std::nan(""), 1, INFINITY});
  Record record;
  auto chosen = options(6);
  chosen.eval_every = 2;
  const auto result = train(task, chosen, record);
  EXPECT_EQ(result.best_score, 1);
  EXPECT_TRUE(at::equal(task.weight, task.evaluated[1]));
}

TEST(Clipping, LeavesAGradientBelowItsLimitAsItIs) {
  Drawing task;
  Record record;
  auto chosen = options(1);
  chosen.max_gradient_norm = 100;
  train(task, chosen, record);
  // A tenth of 2 (1 - 3): AdamW's first moment after one step.
  expect_close(record.checkpoint.first_moments.at(0).second, at::full({2}, -0.4), 1e-6);
}

}  // namespace resumed_training_test
}  // namespace madx

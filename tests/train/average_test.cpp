// Checkpoint averaging: what is kept is the mean of the tensors after every N steps and the last.
#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"
#include "madx/train/trainer.h"
#include "training_record.h"

namespace madx {
namespace average_test {

using testing::ElementsAre;

/// Least squares on random rows, one batch a step; `still` is among what learns but never does.
/// `scores` are what its evaluations find, one after the other.
class Fit : public TrainingTask {
 public:
  explicit Fit(std::vector<double> scores = {}) : scores_(std::move(scores)) {
    torch::manual_seed(3);
    x_ = at::randn({64, 4});
  }
  Loss loss(int64_t index) override {
    const auto row = x_[index % 64];
    return {at::square(at::dot(weight, row) - row.sum() * 3), 1};
  }
  std::optional<Evaluation> evaluate() override {
    if (evaluated.size() == scores_.size()) return std::nullopt;
    Evaluation evaluation;
    evaluation.score = scores_[evaluated.size()];
    evaluation.summary = "score " + std::to_string(static_cast<int>(evaluation.score));
    evaluated.push_back(weight.detach().clone());
    return evaluation;
  }
  void train(bool) override {}
  NamedTensors trained() const override { return {{"weight", weight}, {"still", still}}; }

  at::Tensor weight = at::zeros({4}), still = at::full({3}, 0.1);
  std::vector<at::Tensor> evaluated;

 private:
  std::vector<double> scores_;
  at::Tensor x_;
};

TrainerOptions options(int64_t steps, int64_t average_every) {
  TrainerOptions options;
  options.steps = steps;
  options.average_every = average_every;
  options.lr = 0.05;
  options.log_every = 1;
  options.save_every = 1;
  return options;
}

/// By hand, from checkpoints after these steps.
at::Tensor mean_of(const Record& record, const std::vector<size_t>& steps) {
  auto sum = at::zeros({4}, at::kDouble);
  for (const auto step : steps) sum += record.checkpoints.at(step - 1).tensors.at(0).second;
  return (sum / static_cast<double>(steps.size())).to(at::kFloat);
}

TEST(Average, IsTheMeanAfterEveryNStepsAndTheLast) {
  for (const auto& [steps, snapshots] :
       {std::pair<int64_t, std::vector<size_t>>{10, {4, 8, 10}}, {8, {4, 8}}, {5, {4, 5}}}) {
    Fit task;
    Record record;
    const auto result = train(task, options(steps, 4), record);
    EXPECT_TRUE(at::equal(task.weight, mean_of(record, snapshots)));
    EXPECT_FALSE(at::equal(task.weight, record.checkpoint.tensors[0].second));
    EXPECT_EQ(result.averaged, static_cast<int64_t>(snapshots.size()));
    EXPECT_TRUE(at::equal(task.still, at::full({3}, 0.1))) << "its own mean, bit for bit";
  }
}

TEST(Average, LeavesTheStepsAsTheyAre) {
  Fit averaged, plain;
  Record of_averaged, of_plain;
  train(averaged, options(10, 3), of_averaged);
  const auto result = train(plain, options(10, 0), of_plain);
  EXPECT_EQ(result.averaged, 0);
  expect_same_tensors(of_averaged.checkpoint.tensors, of_plain.checkpoint.tensors);
  EXPECT_TRUE(of_plain.checkpoint.tensor_sums.empty());
}

TEST(Average, IsWhatTheLastEvaluationMeasuresAndNothingIsPicked) {
  Fit task({7, 9, 2});
  Record record;
  auto chosen = options(10, 4);
  chosen.eval_every = 4;
  const auto result = train(task, chosen, record);
  EXPECT_THAT(record.summaries,
              ElementsAre("4: score 7", "8: score 9", "10: average of 3: score 2"));
  EXPECT_TRUE(at::equal(task.weight, mean_of(record, {4, 8, 10})));
  EXPECT_TRUE(at::equal(task.evaluated[2], task.weight));
  EXPECT_TRUE(at::equal(task.evaluated[1], record.checkpoints[7].tensors[0].second));
  EXPECT_EQ(result.best_score, 2) << "of what is kept";
  EXPECT_EQ(result.best_figures->step, 10);
  EXPECT_EQ(record.rows.back().extra.at("averaged"), 3);
  EXPECT_EQ(record.rows[7].extra.count("averaged"), 0u);
  EXPECT_FALSE(record.checkpoints[8].best_score) << "before the end";
}

TEST(Average, ResumesToTheSameBitsFromAnyStep) {
  Fit whole({1, 2, 3, 4});
  Record record;
  auto chosen = options(11, 4);
  chosen.eval_every = 5;
  const auto expected = train(whole, chosen, record);
  for (const auto& checkpoint : record.checkpoints) {
    Fit resumed({1, 2, 3, 4});
    Record rest;
    const auto result = train(resumed, chosen, rest, &checkpoint);
    EXPECT_TRUE(at::equal(resumed.weight, whole.weight)) << checkpoint.step;
    EXPECT_EQ(result.averaged, expected.averaged);
    EXPECT_EQ(result.best_score.has_value(), true);
  }
}

TEST(Average, RefusesACheckpointOfAnotherOne) {
  Fit first, second;
  Record record, rest;
  train(first, options(10, 4), record);
  EXPECT_EQ(input_error_of([&] { train(second, options(10, 2), rest, &record.checkpoints[6]); }),
            "the checkpoint: expected the sum of 3 steps for average_every = 2, but found one of "
            "1; start anew without it");
  EXPECT_EQ(input_error_of([&] { train(second, options(10, 0), rest, &record.checkpoints[6]); }),
            "the checkpoint: expected the sum of 0 steps for average_every = 0, but found one of "
            "1; start anew without it");
}

}  // namespace average_test
}  // namespace madx

// The term that keeps hidden states of unmasked tokens near the encoder's own.
#include <gtest/gtest.h>

#include <set>

#include "madx/train/trainer.h"
#include "train/text_run.h"

namespace madx {
namespace stay_near_test {

using StayNearTest = TextRunTest;

TEST_F(StayNearTest, AddsTheDistanceOfTokensThatAreNotMasked) {
  TextRun run(text(), false);
  {
    const torch::NoGradGuard no_grad;
    for (auto& weight : run.adapters->parameters()) weight.add_(at::randn_like(weight), 0.1);
  }
  run.task->train(false);  // no dropout
  const auto batch = run.batches->train(0);
  const auto evaluated = run.task->held_out_loss()->mean;
  const auto plain = run.task->loss(0).value;
  run.task->stay_near(2);
  const auto near = run.task->loss(0).value;
  EXPECT_EQ(run.task->held_out_loss()->mean, evaluated) << "of training alone";

  auto read = batch.batch, text = batch.batch;
  read.read_rows = text.read_rows = at::Tensor();
  text.input_ids = text.input_ids.clone();
  std::set<int64_t> masked;
  double distance = 0, length = 0;
  for (int64_t i = 0; i < batch.targets.numel(); ++i) {
    const auto row = batch.batch.read_rows[i].item<int64_t>();
    masked.insert(row);
    text.input_ids[row] = batch.targets[i];
  }
  const auto here = run.encoder->forward(read, *run.adapters);
  const auto alone = run.encoder->forward(text, *run.adapters->plan({}));
  for (int64_t row = 0; row < here.size(0); ++row) {
    if (masked.count(row) > 0) continue;
    distance += (here[row] - alone[row]).square().sum().item<double>();
    length += alone[row].square().sum().item<double>();
  }
  ASSERT_GT(distance, 0);
  EXPECT_NEAR(near.item<double>(), plain.item<double>() + 2 * distance / length, 1e-4);
}

TEST_F(StayNearTest, MeasuresFromTheReferenceThatIsGiven) {
  TextRun run(text(), false);
  auto reference = tiny_encoder();
  reference->train(true);
  {
    const torch::NoGradGuard no_grad;
    for (auto& weight : run.encoder->parameters()) weight.add_(at::randn_like(weight), 0.02);
  }
  run.adapters->activate({});
  run.task->train(false);
  const auto plain = run.task->loss(0).value.item<double>();
  run.task->stay_near(1);
  const auto from_itself = run.task->loss(0).value.item<double>() - plain;
  run.task->stay_near(1, reference);
  EXPECT_FALSE(reference->is_training()) << "it has no dropout";
  const auto from_reference = run.task->loss(0).value.item<double>() - plain;

  const auto batch = run.batches->train(0);
  auto read = batch.batch;
  read.read_rows = at::Tensor();
  auto text = read;
  text.input_ids = text.input_ids.index_copy(0, batch.batch.read_rows, batch.targets);
  const auto kept = at::ones({text.input_ids.size(0), 1});
  kept.index_fill_(0, batch.batch.read_rows, 0);
  const auto none = run.adapters->plan({});
  const auto near = reference->forward(text, *none);
  const auto far = (run.encoder->forward(read, *none) - near).square() * kept;
  EXPECT_NEAR(from_reference, (far.sum() / (near.square() * kept).sum()).item<double>(), 1e-4);
  EXPECT_GT(from_reference, from_itself + 1e-3);
}

TEST_F(StayNearTest, KeepsHiddenStatesNearer) {
  const auto distance_after = [&](double weight) {
    TextRun run(text(), false);
    run.encoder->use_dropout(false);
    run.task->stay_near(weight);
    TrainerOptions options;
    options.steps = 100;
    options.lr = 0.003;
    TrainingObserver nobody;
    train(*run.task, options, nobody);
    run.task->train(false);
    const auto masked = run.batches->train(0);
    auto text = masked.batch;  // as it was
    text.input_ids = text.input_ids.index_copy(0, text.read_rows, masked.targets);
    text.read_rows = at::Tensor();
    const torch::NoGradGuard no_grad;
    const auto alone = run.encoder->forward(text, *run.adapters->plan({}));
    return (run.encoder->forward(text, *run.adapters) - alone).norm().item<double>();
  };
  EXPECT_LT(distance_after(30), 0.7 * distance_after(0));
}

}  // namespace stay_near_test
}  // namespace madx

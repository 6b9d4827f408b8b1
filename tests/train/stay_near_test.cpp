// The term that keeps hidden states of unmasked tokens near the encoder's own.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "madx/train/trainer.h"
#include "train/text_run.h"

namespace madx {
namespace stay_near_test {

using StayNearTest = TextRunTest;

void disturb(torch::nn::Module& module, double by) {
  const torch::NoGradGuard no_grad;
  for (auto& weight : module.parameters()) weight.add_(at::randn_like(weight), by);
}

/// (rows, hidden): after each layer, or the last alone.
std::vector<at::Tensor> states_of(const Encoder& encoder, const PackedBatch& batch,
                                  const Plan& plan, bool every_layer) {
  if (every_layer) return encoder->layer_states(batch, plan);
  return {encoder->forward(batch, plan)};
}

/// Of the first batch's tokens that are not masked: how far the states under what is active are
/// from those of `reference` under `near` for the text as it was, row by row.
double relative_distance(TextRun& run, const Encoder& reference, const Plan& near,
                         bool every_layer = false) {
  const auto batch = run.batches->train(0);
  auto read = batch.batch, text = batch.batch;
  read.read_rows = text.read_rows = at::Tensor();
  text.input_ids = text.input_ids.clone();
  std::set<int64_t> masked;
  for (int64_t i = 0; i < batch.targets.numel(); ++i) {
    const auto row = batch.batch.read_rows[i].item<int64_t>();
    masked.insert(row);
    text.input_ids[row] = batch.targets[i];
  }
  const auto here = states_of(run.encoder, read, *run.adapters->active_plan(), every_layer);
  const auto there = states_of(reference, text, near, every_layer);
  double sum = 0;
  for (size_t i = 0; i < here.size(); ++i) {
    double distance = 0, length = 0;
    for (int64_t row = 0; row < here[i].size(0); ++row) {
      if (masked.count(row) > 0) continue;
      distance += (here[i][row] - there[i][row]).square().sum().item<double>();
      length += there[i][row].square().sum().item<double>();
    }
    sum += distance / length;
  }
  return sum / static_cast<double>(here.size());
}

double loss_of_first(TextRun& run) { return run.task->loss(0).value.item<double>(); }

TEST_F(StayNearTest, AddsTheDistanceOfTokensThatAreNotMasked) {
  TextRun run(text(), false);
  disturb(*run.adapters, 0.1);
  run.task->train(false);  // no dropout
  const auto evaluated = run.task->held_out_loss()->mean;
  const auto plain = loss_of_first(run);
  run.task->stay_near({2});
  const auto near = loss_of_first(run);
  EXPECT_EQ(run.task->held_out_loss()->mean, evaluated) << "of training alone";
  const auto distance = relative_distance(run, run.encoder, *run.adapters->plan({}));
  ASSERT_GT(distance, 1e-3);
  EXPECT_NEAR(near, plain + 2 * distance, 1e-4);
}

TEST_F(StayNearTest, MeasuresFromOtherAdaptersOfTheBank) {
  TextRun run(text(), false);
  auto source = named_config("pfeiffer+inv");
  source.reduction_factor = 3;
  run.adapters->add("en", source);
  disturb(*run.adapters, 0.1);
  run.task->train(false);
  const auto plain = loss_of_first(run);
  run.task->stay_near({1, {"en"}});
  const auto near = loss_of_first(run);
  const auto distance = relative_distance(run, run.encoder, *run.adapters->plan({"en"}));
  EXPECT_NEAR(near, plain + distance, 1e-4);
  run.task->stay_near({1});
  EXPECT_GT(std::abs(loss_of_first(run) - near), 1e-3) << "the encoder alone is elsewhere";
  EXPECT_THROW(run.task->stay_near({1, {"fr"}}), c10::Error);
}

TEST_F(StayNearTest, MeasuresFromOtherAdaptersWithoutTheirDropout) {
  TextRun run(text(), false);
  run.encoder->use_dropout(false);
  auto source = named_config("pfeiffer+inv");
  source.dropout = 0.5;
  run.adapters->add("en", source);
  disturb(*run.adapters, 0.1);
  run.task->stay_near({1, {"en"}});
  run.task->train(true);
  const auto first = loss_of_first(run);
  EXPECT_EQ(loss_of_first(run), first);
  EXPECT_TRUE(run.adapters->is_training()) << "what learns has its dropout again";
}

TEST_F(StayNearTest, MeasuresFromTheEncoderWithoutItsDropout) {
  TextRun run(text(), false);
  const auto batch = run.batches->train(0).batch;
  auto whole = batch;
  whole.read_rows = at::Tensor();
  StayNearDistance near({1}, run.encoder, run.adapters);
  const auto alone = run.adapters->plan({});
  run.encoder->eval();
  const std::vector<at::Tensor> states = {run.encoder->forward(whole, *alone)};
  run.encoder->train();
  EXPECT_EQ(near.of(states, whole, batch.read_rows, one_process()).item<double>(), 0);
  EXPECT_TRUE(run.encoder->is_training()) << "what learns has its dropout again";
}

TEST_F(StayNearTest, MeasuresAfterEveryLayer) {
  TextRun run(text(), false);
  disturb(*run.adapters, 0.1);
  run.task->train(false);
  const auto plain = loss_of_first(run);
  run.task->stay_near({3, {}, /*every_layer=*/true});
  const auto near = loss_of_first(run);
  const auto alone = run.adapters->plan({});
  const auto distance = relative_distance(run, run.encoder, *alone, /*every_layer=*/true);
  EXPECT_NEAR(near, plain + 3 * distance, 1e-4);
  EXPECT_GT(std::abs(distance - relative_distance(run, run.encoder, *alone)), 1e-3);
}

TEST_F(StayNearTest, MeasuresFromTheReferenceThatIsGiven) {
  TextRun run(text(), false);
  auto reference = tiny_encoder();
  reference->train(true);
  disturb(*run.encoder, 0.02);
  run.adapters->activate({});
  run.task->train(false);
  const auto plain = loss_of_first(run);
  run.task->stay_near({1});
  const auto from_itself = loss_of_first(run) - plain;
  run.task->stay_near({1, {}, false, reference});
  EXPECT_FALSE(reference->is_training()) << "it has no dropout";
  const auto from_reference = loss_of_first(run) - plain;
  EXPECT_NEAR(from_reference, relative_distance(run, reference, *run.adapters->plan({})), 1e-4);
  EXPECT_GT(from_reference, from_itself + 1e-3);
}

TEST_F(StayNearTest, KeepsHiddenStatesNearer) {
  const auto distance_after = [&](double weight) {
    TextRun run(text(), false);
    run.encoder->use_dropout(false);
    run.task->stay_near({weight});
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

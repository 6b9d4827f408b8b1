// What evaluations of masked LM measure in the middle of a training.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "train/text_run.h"

namespace madx {
namespace held_out_loss_test {

using HeldOutLoss = TextRunTest;

/// A line a batch: of the text's, of which some have no masked token.
MlmBatches lines_of(const std::string& text) {
  MlmBatchesOptions options;
  options.batch_size = 1;
  options.max_length = 16;
  return {TextCorpus({text}), load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr"), options};
}

TEST_F(HeldOutLoss, IsTheMeanOverMaskedTokensOfBatchesOfDifferentSizes) {
  const torch::NoGradGuard no_grad;
  TextRun run(text(), false);
  auto lines = lines_of(text());
  MlmTask task(run.encoder, run.adapters, run.head, *run.of_task, &lines, run.task->trained());
  task.train(false);
  double sum = 0;
  int64_t masked = 0, without = 0;
  for (int64_t index = 0; index < lines.eval_size(); ++index) {
    const auto batch = lines.eval(index);
    const auto count = batch.targets.numel();
    without += count == 0;
    if (count == 0) continue;
    const auto hidden = run.encoder->forward(batch.batch, *run.adapters);
    const auto loss = run.head->loss(hidden, run.encoder->output_embeddings(), batch.targets,
                                     *run.adapters, batch.batch);
    sum += loss.item<double>() * static_cast<double>(count);
    masked += count;
  }
  ASSERT_GT(without, 0) << "else it shows nothing";
  const auto found = task.held_out_loss();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->masked, masked);
  EXPECT_NEAR(found->mean, sum / static_cast<double>(masked), 1e-5);
  EXPECT_EQ(task.evaluate()->score, -found->mean) << "lower is better";
}

TEST_F(HeldOutLoss, HasTheAdaptersThatABatchOfTrainingLeftOut) {
  TextRun run(text(), false);
  run.task->train(false);
  const auto expected = run.task->held_out_loss()->mean;
  run.task->use_adapter_drop(/*most=*/2, /*seed=*/1);
  bool dropped = false;
  for (int64_t index = 0; index < 5; ++index) {
    run.task->loss(index);
    dropped |= !run.adapters->options().skipped_layers().empty();
    EXPECT_EQ(run.task->held_out_loss()->mean, expected);
    run.task->loss(index);
    run.task->train(false);
    EXPECT_TRUE(run.adapters->options().skipped_layers().empty());
  }
  EXPECT_TRUE(dropped) << "else it shows nothing";
}

}  // namespace held_out_loss_test
}  // namespace madx

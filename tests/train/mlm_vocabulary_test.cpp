// Masked LM trained by a softmax over the sub-words of its text.
#include <gmock/gmock.h>

#include <set>

#include "madx/train/trainer.h"
#include "train/text_run.h"

namespace madx {
namespace mlm_vocabulary_test {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

using MlmVocabularyTest = TextRunTest;

TEST_F(MlmVocabularyTest, HasTheLossOfTheTextsSubWordsAlone) {
  TextRun over_all(text(), false), over_text(text(), true);
  ASSERT_LT(over_text.ids.size(), 200u);
  for (int64_t index = 0; index < 3; ++index) {
    over_all.task->train(false);  // no dropout
    over_text.task->train(false);
    const auto all = over_all.task->loss(index), some = over_text.task->loss(index);
    EXPECT_EQ(all.tokens, some.tokens) << "the same batches";
    EXPECT_LT(some.value.item<double>(), all.value.item<double>() - 0.01);
    // Logits of the same batch, those of other sub-words left out.
    const auto batch = over_text.batches->train(index);
    const auto hidden = over_text.encoder->forward(batch.batch, *over_text.adapters);
    auto logits = over_text.head->logits(hidden, over_text.encoder->output_embeddings(),
                                         *over_text.adapters, batch.batch);
    auto left_out = at::ones({252}, at::kBool);
    left_out.index_fill_(0, at::tensor(over_text.ids, at::kLong), false);
    logits = logits.masked_fill(left_out, -std::numeric_limits<double>::infinity());
    expect_close(some.value, at::cross_entropy_loss(logits, batch.targets), 1e-5);
  }
}

TEST_F(MlmVocabularyTest, SaysWhatAnEvaluationIsOver) {
  const torch::NoGradGuard no_grad;
  TextRun over_all(text(), false), over_text(text(), true);
  const auto all = over_all.task->evaluate(), some = over_text.task->evaluate();
  EXPECT_THAT(all->summary, Not(HasSubstr("sub-words")));
  EXPECT_THAT(some->summary,
              EndsWith(" over " + std::to_string(over_text.ids.size()) + " of 252 sub-words"));
  const auto held_out = over_text.task->held_out_loss();
  EXPECT_EQ(held_out->mean, *some->figures.eval_loss);
  int64_t masked = 0;
  for (int64_t index = 0; index < over_text.batches->eval_size(); ++index)
    masked += over_text.batches->eval(index).targets.numel();
  EXPECT_EQ(held_out->masked, masked);
}

TEST_F(MlmVocabularyTest, TrainsTheEntriesOfTheHeadsBiasThatTheTextHas) {
  TextRun run(text(), true);
  const auto before = run.head->bias.detach().clone();
  TrainerOptions options;
  options.steps = 30;
  options.lr = 0.01;
  options.weight_decay = 0.1;
  TrainingObserver nobody;
  train(*run.task, options, nobody);
  const auto changed = run.head->bias.detach() != before;
  const std::set<int64_t> ids(run.ids.begin(), run.ids.end());
  for (int64_t id = 0; id < 252; ++id)
    EXPECT_EQ(changed[id].item<bool>(), ids.count(id) == 1) << id;
}

}  // namespace mlm_vocabulary_test
}  // namespace madx

// Predictions and scores in the middle of a training, and what a tagging task sets for a step.
#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"
#include "madx/train/predict_tags.h"
#include "train/tagging_run.h"

namespace madx {
namespace tagging_evaluation_test {

using testing::HasSubstr;
using testing::IsEmpty;
using Tags = std::vector<std::vector<std::string>>;

TaggingTask::Options evaluated() {
  TaggingTask::Options options;
  options.languages = options.dev_languages = two_languages().second;
  return options;
}

Tags predict(TaggingRun& run, const std::vector<TaggedSentence>& sentences,
             const std::vector<std::string>& languages,
             const std::function<void()>& between_batches = {}) {
  return predict_tags(run.encoder, run.adapters, run.head,
                      *load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr"), sentences,
                      /*max_length=*/16, /*batch_size=*/5, languages, between_batches);
}

TEST(PredictTags, GivesEachSentenceTheTagsThatItsLanguageGives) {
  TaggingRun run(evaluated());
  const auto [sentences, languages] = two_languages();
  const auto found = predict(run, sentences, languages);
  Tags alone;
  for (size_t i = 0; i < sentences.size(); ++i)
    alone.push_back(predict(run, {sentences[i]}, {languages[i]}).front());
  EXPECT_EQ(found, alone);
  EXPECT_NE(found, predict(run, sentences, std::vector<std::string>(12, "en"))) << "else it shows "
                                                                                   "nothing";
}

TEST(PredictTags, RunsWithoutDropoutAndAsksBetweenBatches) {
  TaggingRun run(evaluated());
  run.task->train(true);
  int asked = 0;
  const auto [sentences, languages] = two_languages();
  predict(run, sentences, languages, [&] { ++asked; });
  EXPECT_GE(asked, 3) << "twelve sentences, five a batch";
  EXPECT_FALSE(run.encoder->is_training());
  EXPECT_FALSE(run.adapters->is_training());
  EXPECT_FALSE(run.head->is_training());
}

TEST(DevScore, IsTheF1OfExactSpans) {
  TaggingRun run(evaluated());
  {
    const torch::NoGradGuard no_grad;  // every word is B-PER
    run.head->classifier->weight.zero_();
    run.head->classifier->bias.copy_(at::tensor({0.0f, 0.0f, 0.0f, 1.0f, 0.0f}));
  }
  const auto evaluation = run.task->evaluate();
  ASSERT_TRUE(evaluation);
  EXPECT_NEAR(evaluation->score, 40, 1e-9) << "12 of 42 predicted, of 18 entities";
  EXPECT_EQ(evaluation->figures.extra.at("dev_f1"), evaluation->score);
  EXPECT_EQ(evaluation->summary, "dev F1 40.00");
}

TEST(DevScore, HasTheAdaptersThatABatchOfTrainingLeftOut) {
  auto options = evaluated();
  options.adapter_drop = 2;
  TaggingRun run(options);
  const auto skipped = [&] { return run.adapters->options().skipped_layers(); };
  bool dropped = false;
  for (int64_t index = 0; index < 5; ++index) {
    run.task->loss(index);
    dropped |= !skipped().empty();
    run.task->evaluate();
    EXPECT_THAT(skipped(), IsEmpty());
    run.task->loss(index);
    run.task->train(index % 2 == 0);
    EXPECT_THAT(skipped(), IsEmpty());
  }
  EXPECT_TRUE(dropped) << "else it shows nothing";
}

TEST(TaggingTask, TellsFusionsHowManyStepsAreDone) {
  auto options = evaluated();
  options.fusions = {"en,sw"};
  TaggingRun run(options);
  run.task->begin_step(7);
  EXPECT_EQ(run.adapters->options().fusion_steps().at("en,sw"), 7);
}

TEST(TaggingTask, RefusesATagThatItsHeadLacks) {
  TaggingRun run(evaluated());
  const TaggingHead head(TaggingHeadOptions(12, {"O", "B-PER", "I-PER"}));
  EXPECT_THAT(input_error_of([&] {
                TaggingTask task(run.encoder, run.adapters, head,
                                 load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr"),
                                 two_languages().first, {}, {}, run.task->trained());
              }),
              HasSubstr("sentence 2, token 3: expected a tag among the labels of the head (\"O\", "
                        "\"B-PER\", \"I-PER\"), but found \"B-LOC\""));
}

}  // namespace tagging_evaluation_test
}  // namespace madx

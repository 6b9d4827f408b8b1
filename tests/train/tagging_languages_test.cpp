// Tagging tasks that learn from several languages, and under drawn ones.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "../support.h"
#include "madx/train/language_draw.h"
#include "madx/train/predict_tags.h"
#include "tagging_run.h"
#include "training_record.h"

namespace madx {
namespace tagging_languages_test {

using testing::Each;

TaggingTask::Options two_sources() {
  TaggingTask::Options options;
  options.languages = two_languages().second;
  return options;
}

/// The gradients of one loss, dropout off, by name.
std::map<std::string, at::Tensor> gradients(TaggingRun& run, const TrainingTask::Loss& loss) {
  std::map<std::string, at::Tensor> gradients;
  for (auto& [name, tensor] : run.task->trained()) tensor.mutable_grad() = at::Tensor();
  loss.value.backward();
  for (const auto& [name, tensor] : run.task->trained()) gradients[name] = tensor.grad().clone();
  return gradients;
}

TEST(TaggingLanguages, AreThoseOfEachBatchesSentences) {
  TaggingRun run(two_sources());
  const auto [sentences, languages] = two_languages();
  bool mixes = false;
  std::multiset<size_t> first;  // the sentences of the first epoch; long ones are several windows
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::multiset<size_t> seen;
    for (int64_t i = 0; i < run.task->epoch_size(); ++i) {
      const auto batch = run.task->batch_of(epoch * run.task->epoch_size() + i);
      ASSERT_EQ(batch.batch.languages.size(), batch.sentences.size());
      for (size_t s = 0; s < batch.sentences.size(); ++s)
        EXPECT_EQ(batch.batch.languages[s], languages[batch.sentences[s]]);
      seen.insert(batch.sentences.begin(), batch.sentences.end());
      mixes |= std::set<std::string>(batch.batch.languages.begin(), batch.batch.languages.end())
                   .size() == 2;
    }
    EXPECT_EQ(std::set<size_t>(seen.begin(), seen.end()).size(), 12u);
    if (epoch == 0) first = seen;
    EXPECT_EQ(seen, first) << "each window once an epoch";
  }
  EXPECT_TRUE(mixes);
}

TEST(TaggingLanguages, GiveTheGradientOfEachSentenceUnderItsOwnAdapters) {
  auto options = two_sources();
  options.batch_size = 40;
  TaggingRun mixed(options);
  mixed.task->train(false);
  const auto together = gradients(mixed, mixed.task->loss(0));

  std::map<std::string, at::Tensor> apart;
  int64_t words = 0;
  for (const std::string language : {"en", "sw"}) {
    mixed.adapters->activate({language, "ner"});
    std::vector<TaggedSentence> own;
    const auto [sentences, languages] = two_languages();
    for (size_t i = 0; i < sentences.size(); ++i)
      if (languages[i] == language) own.push_back(sentences[i]);
    TaggingTask::Options alone;
    alone.batch_size = 40;
    alone.max_length = 16;
    TaggingTask task(mixed.encoder, mixed.adapters, mixed.head,
                     load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr"), own, {}, alone,
                     mixed.task->trained());
    task.train(false);
    const auto count = task.batch_of(0).targets.numel();
    words += count;
    for (const auto& [name, gradient] : gradients(mixed, task.loss(0))) {
      auto& sum = apart[name];
      sum = sum.defined() ? sum + gradient * count : gradient * count;
    }
  }
  for (const auto& [name, gradient] : together) {
    SCOPED_TRACE(name);
    EXPECT_GT(gradient.abs().max().item<double>(), 0);
    expect_close(gradient, apart.at(name) / words, 1e-6, 1e-4);
  }
}

TEST(TrainLanguages, RunEachBatchUnderADrawnOne) {
  auto options = two_sources();
  options.train_languages = {"sw", "rw"};
  TaggingRun drawn(options);
  drawn.task->train(false);
  std::set<std::string> met;
  for (int64_t index = 0; index < 12; ++index) {
    const auto& language = draw_language(options.train_languages, options.seed, index);
    met.insert(language);
    const auto batch = drawn.task->batch_of(index);
    EXPECT_THAT(batch.batch.languages, Each(language));
    EXPECT_EQ(batch.batch.languages.size(), batch.sentences.size());
    drawn.adapters->activate({kLanguage, "ner"});
    const auto found = drawn.task->loss(index).value.item<double>();
    drawn.adapters->activate({language, "ner"});
    EXPECT_NEAR(found, drawn.task->loss(index).value.item<double>(), 1e-6);
    drawn.adapters->activate({language == "sw" ? "rw" : "sw", "ner"});
    EXPECT_GT(std::abs(found - drawn.task->loss(index).value.item<double>()), 1e-4);
  }
  EXPECT_EQ(met.size(), 2u);
}

TEST(TrainLanguages, LeaveHeldOutSentencesUnderTheirOwn) {
  auto options = two_sources();
  options.scheme = TagScheme::kPlain;
  options.train_languages = {"rw"};
  options.dev_languages = options.languages;
  TaggingRun run(options);
  const auto [sentences, languages] = two_languages();
  const auto accuracy = [&](const std::vector<std::string>& under) {
    const auto tokenizer = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
    return plain_accuracy(sentences, predict_tags(run.encoder, run.adapters, run.head, *tokenizer,
                                                  sentences, 16, 5, under));
  };
  const auto found = run.task->evaluate()->score;
  EXPECT_EQ(found, accuracy(languages));
  EXPECT_NE(found, accuracy(std::vector<std::string>(12, "rw"))) << "else it shows nothing";
}

TEST(PredictTags, WantsOneTagAWord) {
  TaggingRun run(two_sources());
  const auto tokenizer = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
  const auto predict = [&] {
    return predict_tags(run.encoder, run.adapters, run.head, *tokenizer, two_languages().first, 16,
                        5);
  };
  run.adapters->activate(Stack{"en", "ner"});
  EXPECT_EQ(predict().size(), 12U);
  run.adapters->activate(Stack{"en", Parallel{"sw", "ner"}});
  EXPECT_EQ(input_error_of(predict),
            "predict_tags: expected a composition that gives each word one tag, but found "
            "Stack(en, Parallel(sw, ner))");
}

TEST(TaggingLanguages, AreRefusedWhereTheyAreNotOneASentence) {
  auto few = two_sources();
  few.languages.pop_back();
  EXPECT_EQ(input_error_of([&] { TaggingRun run(few); }),
            "TaggingTask: expected languages of 12 sentences, but found 11");
  auto held_out = two_sources();
  held_out.dev_languages = {"en"};
  EXPECT_EQ(input_error_of([&] { TaggingRun run(held_out); }),
            "TaggingTask: expected dev_languages of 12 sentences, but found 1");
}

TEST(TaggingLanguages, AreRefusedBeforeTrainingWhereTheCompositionLacksThem) {
  const auto start = [](const TaggingTask::Options& options, const Composition& composition) {
    return input_error_of([&] { TaggingRun(options, composition).task->train(true); });
  };
  TaggingTask::Options none, drawn;
  drawn.train_languages = {"sw"};
  EXPECT_EQ(start(none, {kLanguage, "ner"}),
            "TaggingTask: expected languages for a composition with LANGUAGE, but found none");
  EXPECT_EQ(start(drawn, {"en", "ner"}),
            "TaggingTask: expected a composition with LANGUAGE for train_languages, but found "
            "Stack(en, ner)");
  EXPECT_EQ(start(drawn, {kLanguage, "ner"}), "");
  EXPECT_EQ(start(two_sources(), {"ner"}), "") << "passed over";
}

}  // namespace tagging_languages_test
}  // namespace madx

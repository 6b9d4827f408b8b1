#include "madx/data/tagging_examples.h"

#include <gmock/gmock.h>

#include "test_files.h"

namespace madx {
namespace tagging_examples_test {

using testing::ElementsAre;

class TaggingExamplesTest : public testing::Test {
 protected:
  std::vector<int64_t> targets(const std::vector<TaggedSentence>& sentences, UnknownTags unknown) {
    const TaggingExamples examples(sentences, *tokenizer_, {"O", "B-PER", "I-PER"}, 32, unknown);
    const auto ids = examples.batch({0}).targets;
    return {ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel()};
  }

  std::shared_ptr<const Tokenizer> tokenizer_ =
      load_tokenizer(std::string(MADX_FIXTURES) + "/tokenizer/xlmr");
};

TEST_F(TaggingExamplesTest, MarksATagThatIsNoLabelWhereItIsForScores) {
  EXPECT_THAT(
      targets({{{"Anna", "sees", "Nairobi"}, {"S-PER", "O", "B-LOC"}}}, UnknownTags::kMarked),
      ElementsAre(1, 0, -1));
}

TEST_F(TaggingExamplesTest, RefusesATagThatIsNoLabelWhereItIsLearnt) {
  const std::vector<TaggedSentence> sentences = {{{"hi"}, {"O"}},
                                                 {{"Anna", "Nairobi"}, {"B-PER", "U-LOC"}}};
  EXPECT_EQ(
      input_error_of([&] { targets(sentences, UnknownTags::kRefused); }),
      "sentence 2, token 2: expected a tag among the labels of the head (\"O\", \"B-PER\", "
      "\"I-PER\"), but found \"B-LOC\"; give the head this label, or tag the token otherwise");
}

TEST_F(TaggingExamplesTest, NamesTheSentenceOfWhatIsNoTag) {
  EXPECT_EQ(
      input_error_of([&] {
        targets({{{"Anna"}, {"O"}}, {{"Lee"}, {"PER\u00A0"}}}, UnknownTags::kMarked);
      }),
      "sentence 2, token 1: expected a tag such as O or B-PER, but found \"PER<U+00A0>\"; use "
      "labels of IOB1, IOB2 or BIOES");
}

TEST_F(TaggingExamplesTest, GivesATokenWithoutTextOneUnknownSubWord) {
  for (const std::string token : {"", "\u200B", "\u00A0"}) {
    const TaggingExamples examples({{{"Anna", token}, {"B-PER", "O"}}}, *tokenizer_, {"O", "B-PER"},
                                   32);
    const auto batch = examples.batch({0});
    const auto rows = batch.batch.input_ids.size(0);
    ASSERT_EQ(batch.targets.numel(), 2);
    EXPECT_EQ(batch.batch.input_ids[rows - 2].item<int64_t>(), tokenizer_->special().unk);
    EXPECT_EQ(batch.batch.read_rows[1].item<int64_t>(), rows - 2);
  }
}

}  // namespace tagging_examples_test
}  // namespace madx

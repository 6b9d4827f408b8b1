#include "madx/data/tags.h"

#include "test_files.h"

namespace madx {
namespace tags_test {

using Tags = std::vector<std::string>;
using Spans = std::vector<Span>;

TEST(Tags, AcceptsThePrefixesOfAllSchemes) {
  for (const char* tag : {"O", "B-PER", "I-PER", "E-PER", "S-PER", "L-PER", "U-PER", "B-GPE-LOC"}) {
    EXPECT_TRUE(is_tag(tag)) << tag;
  }
}

TEST(Tags, RefusesWhatIsNoTag) {
  for (const char* tag : {"", "o", "B", "B-", "PER", "M-PER", "b-PER", "B_PER", "OO", "O-PER"}) {
    EXPECT_FALSE(is_tag(tag)) << tag;
  }
}

TEST(Tags, ReadsEachScheme) {
  const Spans expected = {{"PER", 0, 2}, {"PER", 2, 3}, {"LOC", 4, 5}};
  EXPECT_EQ(spans_of({"I-PER", "I-PER", "B-PER", "O", "I-LOC"}), expected);  // IOB1
  EXPECT_EQ(spans_of({"B-PER", "I-PER", "B-PER", "O", "B-LOC"}), expected);  // IOB2
  EXPECT_EQ(spans_of({"B-PER", "E-PER", "S-PER", "O", "S-LOC"}), expected);  // BIOES
  EXPECT_EQ(spans_of({"B-PER", "L-PER", "U-PER", "O", "U-LOC"}), expected);  // BILUO
}

TEST(Tags, BeginsAnEntityWhereTheTypeChanges) {
  EXPECT_EQ(spans_of({"B-PER", "I-LOC", "I-LOC"}), (Spans{{"PER", 0, 1}, {"LOC", 1, 3}}));
}

TEST(Tags, BeginsAnEntityAfterOneThatEnded) {
  EXPECT_EQ(spans_of({"S-PER", "I-PER", "E-PER", "E-PER"}),
            (Spans{{"PER", 0, 1}, {"PER", 1, 3}, {"PER", 3, 4}}));
  EXPECT_EQ(spans_of({"B-PER", "L-PER", "I-PER", "L-PER"}), (Spans{{"PER", 0, 2}, {"PER", 2, 4}}));
}

TEST(Tags, BeginsAnEntityAtOneOfASingleToken) {
  const Spans expected = {{"PER", 0, 1}, {"PER", 1, 2}, {"PER", 2, 3}};
  EXPECT_EQ(spans_of({"B-PER", "S-PER", "I-PER"}), expected);
  EXPECT_EQ(spans_of({"B-PER", "U-PER", "I-PER"}), expected);
}

TEST(Tags, FindsNothingInAnEmptySentence) { EXPECT_EQ(spans_of({}), Spans{}); }

TEST(Tags, NamesTheTokenWhoseTagIsNone) {
  EXPECT_EQ(input_error_of([] {
              spans_of({"O", "LABEL_1"});
            }),
            "token 2: expected a tag such as O or B-PER, but found \"LABEL_1\"; use labels of "
            "IOB1, IOB2 or BIOES");
}

TEST(Tags, NormalisesToIob2) {
  EXPECT_EQ(to_iob2({"I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-ORG"}),
            (Tags{"B-PER", "I-PER", "B-PER", "O", "B-LOC", "B-ORG"}));
  EXPECT_EQ(to_iob2({"S-PER", "B-LOC", "I-LOC", "E-LOC", "E-PER"}),
            (Tags{"B-PER", "B-LOC", "I-LOC", "I-LOC", "B-PER"}));
  EXPECT_EQ(to_iob2({}), Tags{});
}

}  // namespace tags_test
}  // namespace madx

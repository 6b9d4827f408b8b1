#include "apps/experiment/report/paired_bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "io/test_files.h"
#include "madx/eval/span_f1.h"

namespace madx::apps {
namespace paired_bootstrap_test {

using Tags = std::vector<std::vector<std::string>>;

const Tags kGold = {{"B-PER", "I-PER", "O"}, {"O", "B-LOC"}, {"O"}, {"B-ORG", "O", "B-LOC"}};
const Tags kPredicted = {{"B-PER", "O", "O"}, {"O", "B-LOC"}, {"B-LOC"}, {"B-ORG", "O", "B-PER"}};

PairedBootstrap compare(const std::vector<SentenceCounts>& a, const std::vector<SentenceCounts>& b,
                        int64_t resamples = 1000, uint64_t seed = 7) {
  return paired_bootstrap(f1_of(a) - f1_of(b), resampled_differences(a, b, resamples, seed));
}

// 20 sentences of one entity each, of which the first `right` are found.
std::vector<SentenceCounts> first_found(int64_t right) {
  std::vector<SentenceCounts> counts;
  for (int64_t i = 0; i < 20; ++i) counts.push_back({1, 1, i < right ? 1 : 0});
  return counts;
}

TEST(SentenceCounts, CountsEntitiesOfEachSentence) {
  const auto counts = sentence_counts(kGold, kPredicted);
  ASSERT_EQ(counts.size(), 4u);
  const std::vector<std::vector<int64_t>> expected = {{1, 1, 0}, {1, 1, 1}, {0, 1, 0}, {2, 2, 1}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ((std::vector<int64_t>{counts[i].gold, counts[i].predicted, counts[i].correct}),
              expected[i])
        << i;
  }
}

TEST(SentenceCounts, AddUpToTheF1OfTheWhole) {
  EXPECT_DOUBLE_EQ(f1_of(sentence_counts(kGold, kPredicted)), span_f1(kGold, kPredicted).micro.f1);
  EXPECT_DOUBLE_EQ(f1_of(sentence_counts(kGold, kPredicted)), 100 * 2.0 * 2 / (4 + 5));
}

TEST(SentenceCounts, GiveZeroWhereThereIsNothing) {
  EXPECT_EQ(f1_of(std::vector<SentenceCounts>{}), 0);
  EXPECT_EQ(f1_of(sentence_counts({{"O"}}, {{"O"}})), 0);
}

TEST(SentenceCounts, RefuseSentencesOfDifferentLength) {
  EXPECT_EQ(io::input_error_of([] {
              sentence_counts({{"O"}, {"O"}}, {{"O"}, {"O", "O"}});
            }),
            "sentence 2: expected 1 predicted tags, but found 2; predict every token of the "
            "sentence");
}

TEST(PairedBootstrap, FindsNothingInIdenticalPredictions) {
  const auto found = compare(first_found(10), first_found(10));
  EXPECT_EQ(found.difference, 0);
  EXPECT_EQ(found.low, 0);
  EXPECT_EQ(found.high, 0);
  EXPECT_EQ(found.p, 1);
}

TEST(PairedBootstrap, GivesTheSmallestPToWhatIsBetterOnEverySentence) {
  const auto found = compare(first_found(20), first_found(0));
  EXPECT_EQ(found.difference, 100);
  EXPECT_EQ(found.low, 100);
  EXPECT_DOUBLE_EQ(found.p, 2.0 / 1001);
}

TEST(PairedBootstrap, IsSymmetric) {
  const auto ab = compare(first_found(12), first_found(9));
  const auto ba = compare(first_found(9), first_found(12));
  EXPECT_EQ(ab.difference, -ba.difference);
  EXPECT_EQ(ab.p, ba.p);
}

TEST(PairedBootstrap, AgreesWithTheClosedFormOfOneDifferingSentence) {
  // Only one sentence of 20 tells a from b: no difference where it is never drawn, which has the
  // probability 0.95^20 = 0.358.
  const auto found = compare(first_found(10), first_found(9), /*resamples=*/20000);
  EXPECT_NEAR(found.p, 2 * 0.3585, 0.03);
  EXPECT_DOUBLE_EQ(found.difference, 5);
  // The number of drawings is binomial(20, 1/20): above 3 in 0.016, so 97.5 % lie at 3 or below.
  EXPECT_DOUBLE_EQ(found.high, 15);
  EXPECT_DOUBLE_EQ(found.low, 0);
}

TEST(PairedBootstrap, DrawsTheSameSentencesForBoth) {
  // b misses what a finds in a constant share of every drawing: 2 of 2 and 1 of 2 a sentence.
  const std::vector<SentenceCounts> a(30, {2, 2, 2}), b(30, {2, 2, 1});
  for (const double difference : resampled_differences(a, b, 50, 1)) EXPECT_EQ(difference, 50);
}

TEST(PairedBootstrap, DependsOnItsSeedAndOnNothingElse) {
  const auto a = first_found(12), b = first_found(9);
  EXPECT_EQ(resampled_differences(a, b, 100, 1), resampled_differences(a, b, 100, 1));
  EXPECT_NE(resampled_differences(a, b, 100, 1), resampled_differences(a, b, 100, 2));
}

TEST(PairedBootstrap, CountsBothTailsByHand) {
  // 1 of 9 not above 0, 9 of 9 minus 8 below: p = 2 * (1 + 1) / 10
  const auto found = paired_bootstrap(1, {3, 1, 2, 5, -1, 4, 1, 2, 6});
  EXPECT_DOUBLE_EQ(found.p, 0.4);
  EXPECT_EQ(found.low, -1);
  EXPECT_EQ(found.high, 6);
}

TEST(PairedBootstrap, RefusesWhatCannotBeCompared) {
  EXPECT_THROW(resampled_differences(first_found(1), {}, 10, 1), std::invalid_argument);
  EXPECT_THROW(resampled_differences({}, {}, 10, 1), std::invalid_argument);
  EXPECT_THROW(paired_bootstrap(0, {}), std::invalid_argument);
}

}  // namespace paired_bootstrap_test
}  // namespace madx::apps

#include "apps/experiment/score_table.h"

#include <gtest/gtest.h>

namespace madx::apps {
namespace score_table_test {

ExperimentScore score(const std::string& row, const std::string& source,
                      const std::string& language, uint64_t seed, double f1) {
  ExperimentScore out;
  out.row = row;
  out.source = source;
  out.language = language;
  out.seed = seed;
  out.f1 = f1;
  return out;
}

ExperimentResults results() {
  ExperimentResults out;
  out.rows = {"xlm-r", "madx", "multi-source"};
  out.sources = {"en", "de"};
  out.languages = {"en", "sw", "qu", "xmf"};
  out.unseen = {"qu", "xmf"};
  out.scores = {score("xlm-r", "en", "en", 1, 80), score("xlm-r", "en", "sw", 1, 60),
                score("xlm-r", "en", "qu", 1, 40), score("xlm-r", "en", "en", 2, 82),
                score("xlm-r", "en", "sw", 2, 64), score("xlm-r", "en", "qu", 2, 44),
                score("madx", "en", "en", 1, 79),  score("madx", "en", "sw", 1, 63),
                score("madx", "de", "en", 1, 70)};
  out.gaps = {{"", "", "xmf", "no test set"}, {"madx", "en", "qu", "failed"}};
  return out;
}

TEST(ScoreTable, TakesMeanAndSampleDeviationOverSeeds) {
  const auto table = score_table(results(), "en");
  ASSERT_EQ(table.lines.size(), 3u);
  const auto& sw = table.lines[0].cells[1].score;
  ASSERT_TRUE(sw);
  EXPECT_DOUBLE_EQ(sw->mean, 62);
  EXPECT_NEAR(*sw->deviation, 2.8284271, 1e-6);
  EXPECT_EQ(sw->count, 2);
  EXPECT_FALSE(table.lines[1].cells[1].score->deviation);
}

TEST(ScoreTable, MarksTheBestOfAColumnThatHasSeveral) {
  const auto table = score_table(results(), "en");
  EXPECT_TRUE(table.lines[0].cells[0].best);
  EXPECT_FALSE(table.lines[1].cells[0].best);
  EXPECT_TRUE(table.lines[1].cells[1].best);
  EXPECT_FALSE(table.lines[0].cells[2].best) << "the only one";
}

TEST(ScoreTable, TakesMeansOfTargetsASeedWithoutTheSourceAndAbsentColumns) {
  const auto table = score_table(results(), "en");
  const auto& targets = table.lines[0].targets.score;
  ASSERT_TRUE(targets);
  EXPECT_DOUBLE_EQ(targets->mean, 52);                // of 50 and 54: sw and qu, a seed
  EXPECT_NEAR(*targets->deviation, 2.8284271, 1e-6);  // of seeds, not of languages
  EXPECT_TRUE(table.has_unseen);
  EXPECT_DOUBLE_EQ(table.lines[0].unseen.score->mean, 42);
}

TEST(ScoreTable, GivesNoMeanWhereATargetIsAbsent) {
  const auto table = score_table(results(), "en");
  EXPECT_FALSE(table.lines[1].targets.score);
  EXPECT_EQ(table.lines[1].targets.reason, "no seed has scores for all targets");
}

TEST(ScoreTable, SaysWhyACellIsAbsent) {
  const auto table = score_table(results(), "en");
  EXPECT_EQ(table.lines[0].cells[3].reason, "no test set");
  EXPECT_EQ(table.lines[1].cells[2].reason, "failed");
  EXPECT_EQ(table.lines[2].cells[0].reason, "not scored yet");
  EXPECT_EQ(table.lines[0].cells[0].reason, "");
}

TEST(ScoreTable, ShowsARowOfSeveralSourcesUnderTheFirstWhereItIsZeroShot) {
  auto both = results();
  both.scores.push_back(score("multi-source", "en+de", "sw", 1, 66));
  both.scores.push_back(score("multi-source", "en+de", "en", 1, 90));
  EXPECT_DOUBLE_EQ(score_table(both, "en").lines[2].cells[1].score->mean, 66);
  EXPECT_DOUBLE_EQ(score_table(both, "en").lines[2].cells[0].score->mean, 90);
  EXPECT_FALSE(score_table(both, "de").lines[2].cells[1].score);
  EXPECT_EQ(score_table(both, "de").lines[2].cells[1].reason, "not scored yet");
  both.scores.push_back(score("multi-source", "en+sw", "sw", 1, 95));
  both.scores.erase(both.scores.end() - 3);  // that of en+de
  const auto line = score_table(both, "en").lines[2];
  EXPECT_FALSE(line.cells[1].score) << "sw was learned from";
  EXPECT_EQ(line.cells[1].reason, "its labels were used for training");
  EXPECT_FALSE(line.targets.score);
  EXPECT_EQ(parts_of_source("en+de"), (std::vector<std::string>{"en", "de"}));
}

TEST(TransferTable, HasALineASource) {
  const auto table = transfer_table(results(), "madx");
  ASSERT_EQ(table.lines.size(), 2u);
  EXPECT_EQ(table.lines[1].name, "de");
  EXPECT_DOUBLE_EQ(table.lines[1].cells[0].score->mean, 70);
  EXPECT_TRUE(table.lines[0].cells[0].best);
}

}  // namespace score_table_test
}  // namespace madx::apps

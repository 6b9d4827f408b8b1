// Which pieces an experiment is made of: rows share what they have in common, and a piece's name
// changes with what decides it and with nothing else.
#include <gmock/gmock.h>

#include <algorithm>

#include "experiment/experiment_plan_fixture.h"

namespace madx::apps {
namespace experiment_plan_test {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

TEST_F(ExperimentPlanTest, RowsThatDifferInTestingShareTheirTraining) {
  const auto all = plan({"madx", "keep-source", "drop-la"});
  EXPECT_EQ(count(all, PieceKind::kTaskAdapter), 1);
  EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 3);
  // madx and keep-source: two targets each; drop-la: the source as well.
  EXPECT_EQ(count(all, PieceKind::kScoring), 2 + 2 + 3);
  EXPECT_EQ(all.cells.size(), 9u);
}

TEST_F(ExperimentPlanTest, KeepSourceTestsUnderTheSourcesAdapter) {
  const auto all = plan({"keep-source"});
  const auto source = std::find_if(all.pieces.begin(), all.pieces.end(), [](const Piece& piece) {
    return piece.kind == PieceKind::kLanguageAdapter && piece.language == "en";
  });
  ASSERT_NE(source, all.pieces.end());
  const auto& score = all.pieces[all.cells[1].piece];
  EXPECT_EQ(all.cells[1].language, "sw");
  EXPECT_THAT(text(score), HasSubstr("--language sw=" + all.store + "/" + source->name + " "));
}

TEST_F(ExperimentPlanTest, RowsHaveWhatTheyAreNamedAfter) {
  const auto task_of = [&](const std::string& row) {
    const auto all = plan({row});
    const auto task = std::find_if(all.pieces.begin(), all.pieces.end(), [](const Piece& piece) {
      return piece.kind == PieceKind::kTaskAdapter || piece.kind == PieceKind::kFineTuning;
    });
    return task == all.pieces.end() ? "" : text(*task);
  };
  EXPECT_THAT(task_of("xlm-r"), HasSubstr("--setup finetune"));
  EXPECT_THAT(task_of("madx-lad-inv"), HasSubstr("--setup no-lang"));
  EXPECT_THAT(task_of("madx-lad-inv"), Not(HasSubstr("--language")));
  EXPECT_THAT(task_of("madx-inv"), HasSubstr("--setup no-inv"));
  EXPECT_THAT(task_of("madx-2.0"), HasSubstr("--leave-out 11"));
  EXPECT_THAT(task_of("houlsby"), HasSubstr("--config houlsby"));
  EXPECT_THAT(task_of("tlr"), HasSubstr("--train-languages en sw rw"));
  EXPECT_THAT(task_of("fun"), HasSubstr("--unfreeze-every 50"));
  EXPECT_THAT(task_of("averaged"), HasSubstr("--average-every 100"));
}

TEST_F(ExperimentPlanTest, RowsThatComeOrGoRenameNoPieceOfOthers) {
  for (const char* row : {"madx-inv", "fun"})
    config_.row_flags[row][PieceKind::kLanguageAdapter]["--steps"] = {true, {"5"}};
  const auto both = plan({"madx-inv", "fun"}), turned = plan({"fun", "madx-inv"});
  EXPECT_EQ(count(both, PieceKind::kLanguageAdapter), 3);
  EXPECT_THAT(names(turned), testing::UnorderedElementsAreArray(names(both)));
  for (const auto& name : names(plan({"fun"}))) EXPECT_THAT(names(both), Contains(name));
}

TEST_F(ExperimentPlanTest, MlmTrgAdaptsNoEncoderOnItsSource) {
  EXPECT_EQ(count(plan({"mlm-trg"}), PieceKind::kAdaptedEncoder), 2);
}

TEST_F(ExperimentPlanTest, AModelATargetIsAdaptedForMlmTrg) {
  const auto all = plan({"mlm-src", "mlm-trg"});
  EXPECT_EQ(count(all, PieceKind::kAdaptedEncoder), 3);
  EXPECT_EQ(count(all, PieceKind::kFineTuning), 1 + 2);
  ASSERT_EQ(all.gaps.size(), 1u);
  EXPECT_EQ(all.gaps[0].row, "mlm-trg");
  EXPECT_EQ(all.gaps[0].language, "en");
}

TEST_F(ExperimentPlanTest, WhatIsMissingIsAGapWithItsReason) {
  config_.languages.push_back("qu");
  config_.text.erase("rw");
  const auto all = plan({"madx", "mbert", "multi-source"});
  const auto reason = [&](const std::string& row, const std::string& language) {
    for (const auto& gap : all.gaps)
      if (gap.row == row && gap.language == language) return gap.reason;
    return std::string();
  };
  EXPECT_EQ(reason("madx", "qu"), "no test set");
  EXPECT_EQ(reason("madx", "rw"), "no text of rw, and no ready adapter");
  EXPECT_EQ(reason("madx", "sw"), "");
  EXPECT_THAT(reason("mbert", "sw"), HasSubstr("name one as \"mbert\""));
  EXPECT_THAT(reason("multi-source", "sw"), HasSubstr("\"multi_sources\""));
}

TEST_F(ExperimentPlanTest, AnXlmRIsNoBertForTheRowMbert) {
  config_.mbert = config_.encoder;
  EXPECT_THAT(
      io::input_error_of([&] { plan({"mbert"}); }),
      HasSubstr("expected a BERT encoder as \"mbert\", but found one of type xlm-roberta in " +
                config_.mbert));
}

TEST_F(ExperimentPlanTest, ASourceNeedsTrainingData) {
  config_.sources = {"sw"};
  EXPECT_THAT(io::input_error_of([&] { plan({"madx"}); }),
              HasSubstr("ner.sw.train: expected training data of a source"));
}

TEST_F(ExperimentPlanTest, NamesChangeWithWhatDecidesAPieceAlone) {
  const auto before = names(plan({"madx"}));
  std::filesystem::rename(folder_ / "sw.txt", folder_ / "moved.txt");
  config_.text["sw"] = {folder_ / "moved.txt"};
  config_.flags[PieceKind::kTaskAdapter]["--save-minutes"] = {true, {"1"}};
  EXPECT_EQ(names(plan({"madx"})), before) << "a file's place and checkpoints decide nothing";

  io::write_bytes(folder_ / "moved.txt", "other");
  const auto other_text = names(plan({"madx"}));
  std::vector<std::string> changed;
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i] != other_text[i]) changed.push_back(before[i].substr(0, before[i].rfind('-')));
  EXPECT_THAT(changed, UnorderedElementsAre("language-adapter-sw", "scoring-madx-en-sw-seed1"));

  config_.flags[PieceKind::kTaskAdapter]["--lr"] = {true, {"1"}};
  const auto other_rate = names(plan({"madx"}));
  EXPECT_NE(other_rate, other_text);
  EXPECT_EQ(other_rate[0], other_text[0]) << "the language adapter is the same";
}

TEST_F(ExperimentPlanTest, TheCurveScoresSnapshots) {
  config_.curve = 10;
  config_.flags[PieceKind::kLanguageAdapter]["--steps"] = {true, {"30"}};
  const auto all = plan({"madx"});
  std::vector<int64_t> steps;
  for (const auto& cell : all.cells)
    if (cell.language == "sw" && cell.step > 0) steps.push_back(cell.step);
  EXPECT_THAT(steps, UnorderedElementsAre(10, 20));
  EXPECT_THAT(text(all.pieces[0]), HasSubstr("--snapshot-every 10"));
  config_.flags.clear();
  EXPECT_THAT(io::input_error_of([&] { plan({"madx"}); }), HasSubstr("curve: expected --steps"));
}

TEST_F(ExperimentPlanTest, EveryPieceComesAfterWhatItNeeds) {
  config_.multi_sources = {"en", "sw"};
  config_.ner["sw"].train = folder_ / "sw.conll";
  const auto all = plan(experiment_rows());
  for (size_t index = 0; index < all.pieces.size(); ++index)
    for (const auto need : all.pieces[index].needs) EXPECT_LT(need, index);
  EXPECT_THAT(all.cells, Not(IsEmpty()));
}

}  // namespace experiment_plan_test
}  // namespace madx::apps

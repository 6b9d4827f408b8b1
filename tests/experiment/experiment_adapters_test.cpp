// Where the language adapters and heads of an experiment come from: ready ones, their own text, the
// source's adapter.
#include <gmock/gmock.h>

#include "experiment/experiment_plan_fixture.h"

namespace madx::apps {
namespace experiment_adapters_test {

using testing::HasSubstr;
using testing::Not;

class ExperimentAdaptersTest : public ExperimentPlanTest {};

TEST_F(ExperimentAdaptersTest, AdapterRowsOfAnotherShapeHaveLanguageAdaptersOfTheirOwn) {
  const auto all = plan({"madx", "madx-2.0", "houlsby", "tlr", "fun"});
  EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 9);
}

TEST_F(ExperimentAdaptersTest, TargetsStartFromAndStayNearTheSourcesAdapter) {
  auto& flags = config_.flags[PieceKind::kLanguageAdapter];
  for (const char* flag : {"--init-adapter", "--stay-near-adapter"}) flags[flag] = {true, {}, true};
  flags["--stay-near"] = {true, {"3"}};
  flags["--stay-near-layers"] = {true, {"all"}};
  flags["--init-weight"] = {true, {"0.5"}};
  for (const std::string row : {"madx", "tlr", "houlsby"}) {
    const auto all = plan({row});
    std::string source;
    for (const auto& piece : all.pieces) {
      if (piece.kind != PieceKind::kLanguageAdapter) continue;
      if (piece.language == "en") {
        source = all.store + "/" + piece.name;
        EXPECT_THAT(text(piece), Not(HasSubstr("near"))) << row << ": near to itself";
        EXPECT_THAT(text(piece), Not(HasSubstr("--init-")));
        continue;
      }
      ASSERT_FALSE(source.empty()) << "it comes before what needs it";
      EXPECT_EQ(piece.needs.size(), 1u);
      EXPECT_THAT(text(piece), HasSubstr("--stay-near-adapter " + source + " "));
      EXPECT_THAT(text(piece), HasSubstr("--stay-near 3 --stay-near-layers all "));
      EXPECT_THAT(text(piece), HasSubstr("--init-adapter " + source + " "));
      EXPECT_THAT(text(piece), HasSubstr("--init-weight 0.5 "));
      EXPECT_THAT(text(piece), Not(HasSubstr("--config"))) << row << ": it has the source's shape";
    }
    EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 3) << row;
  }
}

TEST_F(ExperimentAdaptersTest, FlagsThatSayNothingAloneAreRefusedBeforeAnythingRuns) {
  const auto message = [&](const std::string& flag, const FlagValue& value) {
    config_.flags[PieceKind::kLanguageAdapter] = {{flag, value}};
    return io::input_error_of([&] { plan({"madx"}); });
  };
  EXPECT_THAT(message("--stay-near-adapter", {true, {}, true}),
              HasSubstr("--stay-near-adapter: expected --stay-near above 0 beside it"));
  EXPECT_THAT(message("--stay-near-layers", {true, {"all"}}), HasSubstr("expected --stay-near"));
  config_.language_flags["sw"]["--stay-near"] = {true, {"0"}};
  EXPECT_THAT(message("--stay-near-layers", {true, {"all"}}), HasSubstr("expected --stay-near"));
  config_.language_flags.clear();
  EXPECT_THAT(message("--init-weight", {true, {"0.5"}}), HasSubstr("expected --init-adapter"));
  config_.flags.clear();
  config_.flags[PieceKind::kAdaptedEncoder]["--stay-near-layers"] = {true, {"all"}};
  EXPECT_THAT(io::input_error_of([&] { plan({"mlm-src"}); }), HasSubstr("expected --stay-near"));
}

TEST_F(ExperimentAdaptersTest, TheShapeIsThatOfTheAdapterTheyStartFrom) {
  auto& flags = config_.flags[PieceKind::kLanguageAdapter];
  flags["--init-adapter"] = {true, {}, true};
  config_.row_flags["madx-inv"][PieceKind::kLanguageAdapter]["--no-invertible"] = {true, {}};
  config_.row_flags["madx-2.0"][PieceKind::kLanguageAdapter]["--reduction-factor"] = {true, {"4"}};
  for (const std::string row : {"madx-inv", "madx-2.0"}) {
    for (const auto& piece : plan({row}).pieces) {
      if (piece.kind != PieceKind::kLanguageAdapter) continue;
      for (const std::string flag : {"--no-invertible", "--reduction-factor 4", "--leave-out 11"}) {
        const bool of_row = (flag == "--no-invertible") == (row == "madx-inv");
        EXPECT_EQ(text(piece).find(flag) != std::string::npos, of_row && piece.language == "en")
            << row << " " << flag << " " << piece.language;
      }
    }
  }
  config_.language_flags["sw"]["--reduction-factor"] = {true, {"8"}};
  EXPECT_THAT(io::input_error_of([&] { plan({"madx"}); }),
              HasSubstr("--reduction-factor: expected it without --init-adapter"));
}

TEST_F(ExperimentAdaptersTest, AShapeBesideAReadyAdapterToStartFromIsRefused) {
  auto& flags = config_.flags[PieceKind::kLanguageAdapter];
  flags["--reduction-factor"] = {true, {"4"}};
  flags["--init-adapter"] = {true, {config_.encoder}};
  EXPECT_THAT(io::input_error_of([&] { plan({"madx"}); }),
              HasSubstr("--reduction-factor: expected"));
  flags["--init-adapter"] = {true, {}, true};
  config_.language_adapters["en"] = config_.encoder;
  EXPECT_THAT(io::input_error_of([&] { plan({"madx"}); }),
              HasSubstr("the one of en, that it starts from"));
}

TEST_F(ExperimentAdaptersTest, RowsOfAnotherShapeStartFromNoAdapterOfAllRows) {
  const auto ready = ready_adapter("en", false), own = ready_adapter("sw", true);
  config_.flags[PieceKind::kLanguageAdapter]["--init-adapter"] = {true, {ready}};
  const auto first = [&] { return text(plan({"houlsby"}).pieces[0]); };
  EXPECT_THAT(first(), Not(HasSubstr("--init-adapter")));
  EXPECT_THAT(first(), HasSubstr("--config houlsby"));
  config_.row_flags["houlsby"][PieceKind::kLanguageAdapter]["--init-adapter"] = {true, {own}};
  EXPECT_THAT(first(), HasSubstr("--init-adapter " + own + " "));
  EXPECT_THAT(first(), Not(HasSubstr("--config")));
}

TEST_F(ExperimentAdaptersTest, AReadySourceOfAllLayersIsNothingToBeNearToForMadx2) {
  config_.flags[PieceKind::kLanguageAdapter]["--stay-near"] = {true, {"3"}};
  config_.flags[PieceKind::kLanguageAdapter]["--stay-near-adapter"] = {true, {}, true};
  config_.language_adapters["en"] = ready_adapter("en", false);
  config_.text.erase("en");
  const auto all = plan({"madx-2.0"});
  EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 0);
  ASSERT_EQ(all.gaps.size(), 2u);
  EXPECT_EQ(all.gaps[0].reason,
            "no adapter of en of the kind that madx-2.0 has for that of sw to start from or stay "
            "near");
}

TEST_F(ExperimentAdaptersTest, NothingIsTrainedForARowThatIsAbsent) {
  config_.text.erase("en");
  config_.flags[PieceKind::kLmHead]["--steps"] = {true, {"7"}};
  const auto all = plan({"tlr", "madx-lad-inv"});
  for (const auto& piece : all.pieces) EXPECT_EQ(piece.row, "madx-lad-inv") << piece.name;
  EXPECT_FALSE(all.pieces.empty());
  for (const auto& cell : all.cells) EXPECT_LT(cell.piece, all.pieces.size());
  EXPECT_EQ(all.gaps.size(), 3u);
}

TEST_F(ExperimentAdaptersTest, TheHeadBesideAnAdapterToStartFromDecidesThePiece) {
  const auto ready = ready_adapter("en", false);
  std::filesystem::create_directory(ready + "/lm_head");
  io::write_bytes(ready + "/lm_head/head_config.json", "one");
  config_.flags[PieceKind::kLanguageAdapter]["--init-adapter"] = {true, {ready}};
  const auto before = names(plan({"madx"}));
  EXPECT_EQ(names(plan({"madx"})), before);
  io::write_bytes(ready + "/lm_head/head_config.json", "other");
  EXPECT_NE(names(plan({"madx"})), before);
}

TEST_F(ExperimentAdaptersTest, EachSourceHasTargetsNearIt) {
  config_.flags[PieceKind::kLanguageAdapter]["--stay-near-adapter"] = {true, {}, true};
  config_.flags[PieceKind::kLanguageAdapter]["--stay-near"] = {true, {"3"}};
  config_.sources = {"en", "sw"};
  config_.ner["sw"].train = config_.ner["en"].train;
  // Of en, sw: alone, and near each other; of rw: near each.
  EXPECT_EQ(count(plan({"madx"}), PieceKind::kLanguageAdapter), 6);
}

TEST_F(ExperimentAdaptersTest, ASourceWithAReadyAdapterIsWhatTargetsStayNearTo) {
  config_.flags[PieceKind::kLanguageAdapter]["--stay-near-adapter"] = {true, {}, true};
  config_.flags[PieceKind::kLanguageAdapter]["--stay-near"] = {true, {"3"}};
  config_.language_adapters["en"] = config_.encoder;
  const auto all = plan({"madx"});
  EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 2);
  for (const auto& piece : all.pieces) {
    if (piece.kind != PieceKind::kLanguageAdapter) continue;
    EXPECT_THAT(text(piece), HasSubstr("--stay-near-adapter " + config_.encoder + " "));
  }
}

TEST_F(ExperimentAdaptersTest, EachLanguageStartsFromAHeadOfItsOwnWhereThereAreFlagsForOne) {
  config_.flags[PieceKind::kLmHead]["--steps"] = {true, {"7"}};
  const auto all = plan({"madx", "houlsby", "mlm-trg"});
  EXPECT_EQ(count(all, PieceKind::kLmHead), 3) << "shared by rows";
  for (const auto& piece : all.pieces) {
    if (piece.kind == PieceKind::kLmHead) {
      EXPECT_EQ(piece.program, "train_lm_head");
      EXPECT_THAT(text(piece), HasSubstr("--steps 7 "));
    }
    if (piece.kind != PieceKind::kLanguageAdapter && piece.kind != PieceKind::kAdaptedEncoder)
      continue;
    ASSERT_EQ(piece.needs.size(), 1u) << piece.name;
    const auto& head = all.pieces[piece.needs[0]];
    EXPECT_EQ(head.kind, PieceKind::kLmHead);
    EXPECT_EQ(head.language, piece.language);
    EXPECT_THAT(text(piece), HasSubstr("--lm-head " + all.store + "/" + head.name + " "));
  }
}

TEST_F(ExperimentAdaptersTest, AHeadAmongAnAdaptersFlagsIsTheOneItStartsFrom) {
  config_.flags[PieceKind::kLmHead]["--steps"] = {true, {"7"}};
  config_.language_flags["sw"]["--lm-head"] = {true, {config_.encoder}};
  const auto all = plan({"madx"});
  EXPECT_EQ(count(all, PieceKind::kLmHead), 2);
  for (const auto& piece : all.pieces) {
    if (piece.kind != PieceKind::kLanguageAdapter || piece.language != "sw") continue;
    EXPECT_TRUE(piece.needs.empty());
    EXPECT_THAT(text(piece), HasSubstr("--lm-head " + config_.encoder + " "));
  }
}

TEST_F(ExperimentAdaptersTest, AHeadsFlagsAreTakenAsThoseOfOtherPieces) {
  config_.lm_head = config_.encoder;
  config_.flags[PieceKind::kLmHead]["--full-length"] = {false, {}};
  const auto heads = [&] {
    std::vector<std::string> heads;
    for (const auto& piece : plan({"madx"}).pieces)
      if (piece.kind == PieceKind::kLmHead) heads.push_back(text(piece));
    EXPECT_EQ(heads.size(), 3u);
    return heads;
  };
  for (const auto& head : heads()) {
    EXPECT_THAT(head, HasSubstr("--lm-head " + config_.lm_head + " "));
    EXPECT_THAT(head, Not(HasSubstr("--full-length"))) << "false takes a flag back";
  }
  const auto other = folder_ / "sw.txt";
  config_.flags[PieceKind::kLmHead]["--lm-head"] = {true, {other}};
  for (const auto& head : heads()) {
    EXPECT_THAT(head, HasSubstr("--lm-head " + other + " "));
    EXPECT_THAT(head, Not(HasSubstr("--lm-head " + config_.lm_head + " "))) << "given once";
  }
}

TEST_F(ExperimentAdaptersTest, ReadyAdaptersAreNotTrained) {
  config_.text.clear();
  for (const std::string language : {"en", "sw", "rw"}) {
    std::filesystem::create_directories(folder_ / ("ready/" + language));
    config_.language_adapters[language] = folder_ / ("ready/" + language);
  }
  const auto all = plan({"madx", "madx-2.0"});
  EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 0);
  EXPECT_THAT(text(all.pieces.back()), HasSubstr("--leave-out-loaded 11"));
}

TEST_F(ExperimentAdaptersTest, ReadyAdaptersServeNoRowWhoseOwnDiffer) {
  for (const std::string language : {"en", "sw", "rw"})
    config_.language_adapters[language] = ready_adapter(language, /*houlsby=*/false);
  config_.row_flags["madx-inv"][PieceKind::kLanguageAdapter]["--no-invertible"] = {true, {}};
  for (const std::string row : {"madx-2.0", "houlsby", "madx-inv"})
    EXPECT_EQ(count(plan({row}), PieceKind::kLanguageAdapter), 3) << row;
  config_.text.erase("sw");
  const auto all = plan({"madx", "houlsby", "madx-inv"});
  EXPECT_EQ(count(all, PieceKind::kLanguageAdapter), 2 + 2) << "of en and rw";
  ASSERT_EQ(all.gaps.size(), 2u);
  EXPECT_EQ(all.gaps[0].reason, "no text of sw, and no ready adapter of the kind that houlsby has");
  EXPECT_EQ(all.gaps[1].reason,
            "no text of sw, and no ready adapter of the kind that madx-inv has");
}

TEST_F(ExperimentAdaptersTest, AReadyAdapterOfHoulsbysPlacementServesThatRow) {
  for (const std::string language : {"en", "sw", "rw"})
    config_.language_adapters[language] = ready_adapter(language, /*houlsby=*/true);
  config_.text.clear();
  const auto all = plan({"houlsby"});
  EXPECT_TRUE(all.gaps.empty());
  EXPECT_EQ(count(all, PieceKind::kScoring), 2);
}

}  // namespace experiment_adapters_test
}  // namespace madx::apps

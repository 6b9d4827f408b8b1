// What a runner makes of programs that fail, are stopped, or are at work already: shell scripts in
// place of programs.
#include <gmock/gmock.h>

#include <filesystem>
#include <stdexcept>

#include "apps/experiment/experiment_runner.h"
#include "apps/experiment/piece_store.h"
#include "apps/run/directory_lock.h"
#include "io/test_files.h"

namespace madx::apps {
namespace piece_attempts_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PieceAttempts : public testing::Test {
 protected:
  PieceAttempts() {
    for (const char* name : {"encoder", "bin", "out/pieces"})
      fs::create_directories(folder_ / name);
    io::write_bytes(folder_ / "encoder/config.json", R"({"num_hidden_layers": 2})");
    io::write_bytes(folder_ / "en.txt", "a\n");
    io::write_bytes(folder_ / "en.conll", "a\tO\n");
    config_.path = folder_ / "experiment.json";
    config_.output = folder_ / "out";
    config_.encoder = folder_ / "encoder";
    config_.sources = {"en"};
    config_.languages = {"en", "sw"};
    config_.seeds = {1};
    config_.rows = {"madx-lad-inv"};
    config_.ner["en"] = {folder_ / "en.conll", "", folder_ / "en.conll"};
    config_.ner["sw"] = {"", "", folder_ / "en.conll"};
    options_.programs = folder_ / "bin";
    options_.threads = 1;
  }
  /// `script` has the number of this call as $try and the directory to write as $out.
  void write_program(const std::string& name, const std::string& script) {
    const auto path = folder_ / ("bin/" + name);
    io::write_bytes(path,
                    "#!/bin/sh\necho x >> $0.tries; try=$(wc -l < $0.tries)\n"
                    "while [ \"$1\" != --output ]; do shift; done\nout=$2\n" +
                        script + "\n");
    fs::permissions(path, fs::perms::owner_all);
  }
  RunnerResult run() { return run_pieces(plan_, options_); }
  ExperimentPlan plan() { return plan_ = plan_experiment(config_); }
  PieceStore store() const { return PieceStore(plan_.store); }

  io::TemporaryFolder folder_;
  ExperimentConfig config_;
  RunnerOptions options_;
  ExperimentPlan plan_;
};

TEST_F(PieceAttempts, AreAddedUpInTheRecordAndTheErrorOfAnEarlierOneIsForgotten) {
  write_program("zero_shot_ner",
                "if [ $try = 1 ]; then sleep 0.3; echo broken; exit 2; fi\nmkdir $out");
  const auto piece = plan().pieces.at(0);
  EXPECT_EQ(run().failed.size(), 1u);
  auto first = store().record(piece);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->state, PieceRecord::State::kFailed);
  EXPECT_EQ(first->error, "broken");
  EXPECT_GE(first->seconds, 0.3);
  EXPECT_GT(first->peak_memory, 0);
  first->peak_memory = int64_t{1} << 50;  // more than any program takes
  store().write(piece, *first);
  EXPECT_THAT(run().failed, IsEmpty());
  const auto second = store().record(piece);
  EXPECT_EQ(second->state, PieceRecord::State::kDone);
  EXPECT_EQ(second->error, "");
  EXPECT_GT(second->seconds, first->seconds);
  EXPECT_EQ(second->peak_memory, first->peak_memory);
}

TEST_F(PieceAttempts, ThatWereToldToStopAreMadeAgain) {
  write_program("zero_shot_ner", "if [ $try = 1 ]; then kill -TERM $$; fi\nmkdir $out");
  plan();
  const auto result = run();
  EXPECT_THAT(result.failed, IsEmpty());
  for (const auto& piece : plan_.pieces) EXPECT_TRUE(store().is_done(piece)) << piece.name;
  EXPECT_THAT(io::read_bytes(folder_ / "out/log.txt"), HasSubstr(" stopped task-adapter"));
}

TEST_F(PieceAttempts, OfAPieceBlockAllThatNeedsItHoweverFarAway) {
  config_.rows = {"madx"};
  config_.text["en"] = config_.text["sw"] = {folder_ / "en.txt"};
  write_program("train_lang_adapter", "case $out in *adapter-en*) exit 2;; esac\nmkdir $out");
  write_program("zero_shot_ner", "mkdir $out");
  plan();
  const auto result = run();
  ASSERT_EQ(result.failed.size(), 1u);
  EXPECT_THAT(result.failed[0].name, HasSubstr("language-adapter"));
  EXPECT_THAT(result.blocked, ElementsAre(HasSubstr("task-adapter"), HasSubstr("scoring")));
}

TEST_F(PieceAttempts, GoOnWhereTheReportCannotBeWritten) {
  config_.seeds = {1, 2};
  write_program("zero_shot_ner", "mkdir $out");
  options_.scored = [] { throw std::runtime_error("a file of another piece is gone"); };
  plan();
  EXPECT_THAT(run().failed, IsEmpty());
  for (const auto& piece : plan_.pieces) EXPECT_TRUE(store().is_done(piece)) << piece.name;
  EXPECT_THAT(io::read_bytes(folder_ / "out/log.txt"),
              HasSubstr("no report yet: a file of another piece is gone"));
}

TEST_F(PieceAttempts, AreNotMadeWhileAProgramIsAtWorkThere) {
  write_program("zero_shot_ner", "mkdir $out");
  const auto piece = plan().pieces.at(0);
  const auto working = store().directory(piece) + ".partial";
  fs::create_directory(working);
  int asked = 0;
  options_.interrupted = [&] { return ++asked > 3; };
  {
    const DirectoryLock of_another(working);
    EXPECT_TRUE(store().is_busy(piece));
    run();
  }
  EXPECT_FALSE(fs::exists(folder_ / "bin/zero_shot_ner.tries"));
  options_.interrupted = [] { return false; };
  EXPECT_FALSE(store().is_busy(piece));
  run();
  EXPECT_TRUE(store().is_done(piece));
}

TEST_F(PieceAttempts, AreNotMadeOfWhatAnotherProcessHasDoneMeanwhile) {
  write_program("zero_shot_ner", "mkdir $out");
  plan();
  ASSERT_EQ(plan_.pieces.size(), 2u);
  const auto &first = plan_.pieces[0], &second = plan_.pieces[1];
  options_.interrupted = [&] {
    if (store().is_done(first) && !store().is_done(second)) {
      fs::create_directory(store().directory(second));
      store().write(second, {PieceRecord::State::kDone, 1, 1, "elsewhere", ""});
    }
    return false;
  };
  run();
  EXPECT_EQ(store().record(second)->command, "elsewhere");
  EXPECT_EQ(io::read_bytes(folder_ / "bin/zero_shot_ner.tries"), "x\n");
}

TEST_F(PieceAttempts, AreMadeAnewWhereTheDirectoryOfADonePieceIsGone) {
  write_program("zero_shot_ner", "mkdir $out");
  const auto piece = plan().pieces.at(0);
  run();
  EXPECT_TRUE(store().is_done(piece));
  fs::remove_all(store().directory(piece));
  EXPECT_FALSE(store().is_done(piece));
  run();
  EXPECT_TRUE(store().is_done(piece));
}

TEST_F(PieceAttempts, GoOnFromACheckpointAndFromNothingElse) {
  write_program("zero_shot_ner", "echo \"$@\" >> $0.flags; mkdir $out");
  const auto piece = plan().pieces.at(0);
  fs::create_directories(store().directory(piece) + ".partial");
  EXPECT_FALSE(store().can_resume(piece));
  fs::create_directories(store().directory(piece) + ".partial/checkpoint");
  EXPECT_TRUE(store().can_resume(piece));
  run();
  const auto flags = io::read_bytes(folder_ / "bin/zero_shot_ner.flags");
  EXPECT_THAT(flags.substr(0, flags.find('\n')), testing::EndsWith(" --resume"));
  EXPECT_THAT(flags.substr(flags.find('\n')), testing::Not(HasSubstr("--resume")));
}

}  // namespace piece_attempts_test
}  // namespace madx::apps

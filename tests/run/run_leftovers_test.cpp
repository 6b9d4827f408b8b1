// What killed and failed runs leave in a directory, and what the next one makes of it.
#include <gmock/gmock.h>

#include <filesystem>

#include "apps/run/checkpoint_files.h"
#include "apps/run/directory_lock.h"
#include "apps/run/run_directory.h"
#include "io/test_files.h"

namespace madx::apps {
namespace run_leftovers_test {

namespace fs = std::filesystem;
using testing::Contains;
using testing::Not;
using testing::UnorderedElementsAre;
using Start = RunDirectory::Start;

class RunLeftovers : public testing::Test {
 protected:
  static RunState state(const std::string& tests = "en") {
    RunState state;
    state.program = "trainer";
    state.scoring.settings["--test"] = tests;
    return state;
  }
  static void write(const std::string& path) { io::write_bytes(path, "something"); }
  static std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
      names.push_back(entry.path().filename());
    return names;
  }
  /// A run that was trained and scored.
  void make_complete() const {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    run.trained({});
    write(run.new_scores() + "/results.json");
    run.complete();
  }

  io::TemporaryFolder folder_;
  std::string output_ = folder_ / "out";
};

TEST_F(RunLeftovers, ScoresOfOtherTestsGoWhereNewOnesCome) {
  make_complete();
  RunDirectory run(output_, /*resume=*/true);
  EXPECT_EQ(run.begin(state("sw")), Start::kTrained);
  write(run.new_scores() + "/tagged");
  run.complete();
  EXPECT_THAT(names_in(output_), UnorderedElementsAre("run.json", "tagged"));
}

TEST_F(RunLeftovers, ARunWhoseScoresCameInHalfIsOneThatWasTrained) {
  make_complete();
  fs::create_directories(output_ + "/notes/of mine");
  {
    RunDirectory run(output_, /*resume=*/true);
    run.begin(state("sw"));
    write(run.new_scores() + "/notes");  // which cannot take the directory's place
    EXPECT_THROW(run.complete(), MachineError);
  }
  EXPECT_EQ(read_run_state(output_)->stage, RunState::Stage::kTrained);
  EXPECT_EQ(RunDirectory(output_, /*resume=*/true).begin(state()), Start::kTrained)
      << "the old scores are gone";
}

TEST_F(RunLeftovers, ACheckpointThatWasSetAsideIsGoneOnFrom) {
  {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    write_checkpoint(run.path() + "/checkpoint", Checkpoint(), {});
  }
  fs::rename(output_ + "/checkpoint", output_ + "/checkpoint.tmp71.5.0.old");
  RunDirectory resumed(output_, /*resume=*/true);
  EXPECT_EQ(resumed.begin(state()), Start::kResumed);
  resumed.drop_checkpoint();
  EXPECT_THAT(names_in(resumed.path()), Not(Contains("checkpoint")));
}

TEST_F(RunLeftovers, BeginningsOfRunsThatWereKilledAreRemoved) {
  const auto killed = output_ + ".partial.tmp71.0", beginning = output_ + ".partial.tmp72.0";
  for (const auto& path : {killed, beginning, output_ + ".partial.tmp1b"}) {
    fs::create_directory(path);
    write(path + "/run.json");
  }
  const DirectoryLock of_another(beginning);
  RunDirectory run(output_, /*resume=*/false);
  run.begin(state());
  EXPECT_THAT(names_in(folder_.path()),
              UnorderedElementsAre("out.partial", "out.partial.tmp72.0", "out.partial.tmp1b"));
}

TEST_F(RunLeftovers, AStateOfAnotherVersionIsRefused) {
  make_complete();
  const auto path = output_ + "/run.json";
  auto text = io::read_bytes(path);
  text.replace(text.find("\"complete\""), 10, "\"archived\"");
  io::write_bytes(path, text);
  EXPECT_EQ(io::input_error_of([&] { read_run_state(output_); }),
            path +
                ": expected the stage training, trained or complete, but found \"archived\"; name "
                "another output, or move this one away");
}

}  // namespace run_leftovers_test
}  // namespace madx::apps

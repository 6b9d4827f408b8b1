#include "apps/run/run_directory.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "io/test_files.h"

namespace madx::apps {
namespace run_directory_test {

namespace fs = std::filesystem;
using io::input_error_of;
using testing::EndsWith;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using Start = RunDirectory::Start;

class RunDirectoryTest : public testing::Test {
 protected:
  static RunState state(const std::string& lr = "0.1", const std::string& tests = "en") {
    RunState state;
    state.program = "trainer";
    state.training.settings["--lr"] = lr;
    state.scoring.settings["--test"] = tests;
    return state;
  }
  static void write(const std::string& path) { std::ofstream(path) << "something"; }
  static void save(const RunDirectory& run) {
    write_checkpoint(run.path() + "/checkpoint", Checkpoint(), state().training);
  }
  static std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory))
      names.push_back(entry.path().filename());
    return names;
  }
  std::vector<std::string> names() const { return names_in(folder_ / ""); }
  /// A run that was trained and scored.
  void make_complete() const {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    save(run);
    write(run.path() + "/weights");
    run.trained({{"seconds", 3.5}});
    write(run.new_scores() + "/results.json");
    run.complete();
  }
  /// What a killed process leaves: its directory as it stood, and no lock.
  void make_killed(const std::function<void(RunDirectory&)>& work) const {
    const auto copy = folder_ / "copy";
    {
      RunDirectory run(output_, /*resume=*/false);
      work(run);
      fs::copy(run.path(), copy, fs::copy_options::recursive);
    }
    fs::remove_all(output_);
    fs::remove_all(output_ + ".partial");
    fs::rename(copy, output_ + ".partial");
  }
  io::TemporaryFolder folder_;
  std::string output_ = folder_ / "out";
};

TEST_F(RunDirectoryTest, AppearsWhenItIsTrained) {
  RunDirectory run(output_, /*resume=*/false);
  EXPECT_THAT(names(), UnorderedElementsAre()) << "nothing before it has begun";
  EXPECT_EQ(run.begin(state()), Start::kFresh);
  write(run.path() + "/weights");
  EXPECT_FALSE(fs::exists(output_));
  run.trained({});
  EXPECT_TRUE(fs::exists(output_ + "/weights"));
  EXPECT_EQ(run.path(), output_);
  run.complete();
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(RunDirectoryTest, LeavesNothingOfARunThatFailed) {
  {
    RunDirectory run(folder_ / "new/out", /*resume=*/false);
    run.begin(state());
    write(run.path() + "/adapter_config.json");
  }
  EXPECT_THAT(names(), UnorderedElementsAre());
}

TEST_F(RunDirectoryTest, KeepsTheCheckpointOfARunThatFailedAndNoResults) {
  {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    save(run);
    write(run.path() + "/metrics.jsonl");
    write(run.path() + "/adapter_config.json");
  }
  EXPECT_TRUE(has_checkpoint(output_ + "/checkpoint"));
  EXPECT_TRUE(fs::exists(output_ + "/metrics.jsonl"));
  EXPECT_FALSE(fs::exists(output_ + "/adapter_config.json"));
  RunDirectory resumed(output_, /*resume=*/true);
  EXPECT_EQ(resumed.begin(state()), Start::kResumed);
  EXPECT_NE(resumed.checkpoint(), nullptr);
  EXPECT_TRUE(has_checkpoint(resumed.path() + "/checkpoint"));
}

TEST_F(RunDirectoryTest, KeepsWhatWasTrainedWhereScoringFails) {
  {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    write(run.path() + "/weights");
    run.trained({{"seconds", 3.5}});
    write(run.new_scores() + "/results.json");
  }
  EXPECT_THAT(names_in(output_), UnorderedElementsAre("run.json", "weights"));
  for (const bool resume : {false, true}) {  // the same command goes on, either way
    RunDirectory again(output_, resume);
    EXPECT_EQ(again.begin(state()), Start::kTrained);
    EXPECT_EQ(again.figures().at("seconds"), 3.5);
    EXPECT_EQ(again.path(), output_);
  }
}

TEST_F(RunDirectoryTest, LeavesACompleteRunAsItIsWhateverResumesIt) {
  make_complete();
  const auto whole = names_in(output_);
  EXPECT_THAT(whole, UnorderedElementsAre("run.json", "checkpoint", "weights", "results.json"));
  EXPECT_EQ(RunDirectory(output_, /*resume=*/true).begin(state()), Start::kComplete);
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, true).begin(state("0.2")); }),
              EndsWith("/out/run.json: the run that stands there had --lr 0.1, but this one has "
                       "0.2; give the same flags, or name another output"));
  auto other = state();
  other.program = "another";
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, true).begin(other); }),
              HasSubstr("expected a run of another, but found one of trainer"));
  { RunDirectory refused_elsewhere(output_, /*resume=*/true); }
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, false); }),
              HasSubstr("expected a new output directory, but it exists"));
  EXPECT_EQ(names_in(output_), whole);
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(RunDirectoryTest, ScoresACompleteRunAnewWithTheOldScoresInPlace) {
  make_complete();
  {
    RunDirectory failed(output_, /*resume=*/true);
    EXPECT_EQ(failed.begin(state("0.1", "en sw")), Start::kTrained);
    write(failed.new_scores() + "/results.json");
  }
  EXPECT_THAT(names_in(output_),
              UnorderedElementsAre("run.json", "checkpoint", "weights", "results.json"));
  EXPECT_EQ(RunDirectory(output_, true).begin(state()), Start::kComplete);
  {
    RunDirectory run(output_, /*resume=*/true);
    run.begin(state("0.1", "en sw"));
    run.complete();
  }
  EXPECT_EQ(RunDirectory(output_, true).begin(state("0.1", "en sw")), Start::kComplete);
}

TEST_F(RunDirectoryTest, NamesWhatAKilledRunHadTrained) {
  RunState trained = state();
  make_killed([&](RunDirectory& run) {
    run.begin(state());
    write(run.path() + "/weights");
    trained.stage = RunState::Stage::kTrained;
    write_run_state(run.path(), trained);
  });
  RunDirectory again(output_, /*resume=*/false);
  EXPECT_EQ(again.begin(state()), Start::kTrained);
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(RunDirectoryTest, StartsAnewWhereTheSameRunWasKilledBeforeACheckpoint) {
  make_killed([](RunDirectory& run) {
    run.begin(state());
    write(run.path() + "/metrics.jsonl");
    fs::create_directory(run.path() + "/checkpoint.tmp123.0");
  });
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, true); }),
              HasSubstr("expected an interrupted run's checkpoint to resume from, but there is "
                        "none; leave out --resume"));
  EXPECT_THAT(
      input_error_of([&] { RunDirectory(output_, false).begin(state("0.2")); }),
      EndsWith("had --lr 0.1, but this one has 0.2; give the same flags, or name another output, "
               "or remove " +
               output_ + ".partial"));
  RunDirectory again(output_, /*resume=*/false);
  EXPECT_EQ(again.begin(state()), Start::kFresh);
  again.complete();
  EXPECT_THAT(names_in(output_), UnorderedElementsAre("run.json", "metrics.jsonl"));
}

TEST_F(RunDirectoryTest, AnotherRunMayTakeAPlaceWhereNothingWasDone) {
  make_killed([](RunDirectory& run) { run.begin(state()); });
  EXPECT_EQ(RunDirectory(output_, false).begin(state("0.2")), Start::kFresh);
}

TEST_F(RunDirectoryTest, RefusesFilesOfOthersWhereTheRunWouldWork) {
  fs::create_directory(output_ + ".partial");
  write(output_ + ".partial/notes");
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, false); }),
              EndsWith("out.partial: expected nothing where the run works until it is done, but "
                       "found files of another; name another output, or move them away"));
  EXPECT_TRUE(fs::exists(output_ + ".partial/notes"));
}

TEST_F(RunDirectoryTest, ChangesNothingWhereACheckpointIsDamaged) {
  {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    save(run);
  }
  fs::resize_file(output_ + "/checkpoint/state.json", 10);
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, true).begin(state()); }),
              HasSubstr("state.json: expected the state of a checkpoint"));
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
  EXPECT_TRUE(fs::exists(output_ + "/checkpoint/tensors.safetensors"));
}

TEST_F(RunDirectoryTest, IsRefusedWhileAnotherRunIsAtWorkThere) {
  const auto error_of = [&](bool resume) {
    return input_error_of([&] { RunDirectory(output_, resume); });
  };
  RunDirectory first(output_, /*resume=*/false);
  first.begin(state());
  write(first.path() + "/work");
  EXPECT_THAT(error_of(false), HasSubstr("expected no other run at work there"));
  EXPECT_THAT(error_of(true), HasSubstr("expected no other run at work there"));
  EXPECT_TRUE(fs::exists(first.path() + "/work"));
  first.trained({});
  EXPECT_THAT(error_of(false), HasSubstr("expected no other run at work there")) << "still scoring";
  first.complete();
}

TEST_F(RunDirectoryTest, OneOfManyThatStartAtOnceGetsIt) {
  std::vector<std::unique_ptr<RunDirectory>> runs;
  for (int i = 0; i < 8; ++i) runs.push_back(std::make_unique<RunDirectory>(output_, false));
  std::atomic<int> begun{0}, refused{0};
  std::vector<std::thread> threads;
  for (auto& run : runs) {
    threads.emplace_back([&] {
      try {
        run->begin(state());
        ++begun;
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("expected no other run at work there"));
        ++refused;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_THAT(names(), UnorderedElementsAre("out.partial"));
}

TEST_F(RunDirectoryTest, WritesIntoTheDirectoryThatALinkNames) {
  fs::create_directory(folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", output_);
  RunDirectory run(output_ + "/", /*resume=*/false);
  EXPECT_EQ(run.name(), "out");
  run.begin(state());
  write(run.path() + "/weights");
  run.complete();
  EXPECT_TRUE(fs::is_symlink(output_));
  EXPECT_TRUE(fs::exists(folder_ / "elsewhere/weights"));
  EXPECT_THAT(names(), UnorderedElementsAre("out", "elsewhere"));
}

TEST_F(RunDirectoryTest, LeavesWhatOthersPutThereWhereItFails) {
  {
    RunDirectory run(output_, /*resume=*/false);
    run.begin(state());
    run.trained({});
    write(run.path() + "/notes");
    write(run.new_scores() + "/results.json");
  }
  EXPECT_THAT(names_in(output_), UnorderedElementsAre("run.json", "notes"));
  {
    RunDirectory run(folder_ / "other", /*resume=*/false);
    run.begin(state());
    write(run.path() + "/notes");
  }
  EXPECT_THAT(names_in(folder_ / "other.partial"), UnorderedElementsAre("notes"));
}

TEST_F(RunDirectoryTest, RefusesALinkToNothing) {
  fs::create_symlink(folder_ / "nowhere", output_);
  EXPECT_THAT(input_error_of([&] { RunDirectory(output_, false); }),
              HasSubstr("expected a directory, but found a symbolic link to nothing"));
  EXPECT_THAT(input_error_of([&] { RunDirectory(folder_ / std::string(300, 'x'), false); }),
              HasSubstr("expected a path for a directory, but found: File name too long"));
  EXPECT_THAT(input_error_of([&] { RunDirectory("/proc", false); }), HasSubstr("a mount point"));
}

TEST_F(RunDirectoryTest, KeepsAUsersFilesWhoseNamesLookTemporary) {
  make_complete();
  write(output_ + "/notes.tmp1b");
  EXPECT_EQ(RunDirectory(output_, true).begin(state()), Start::kComplete);
  EXPECT_TRUE(fs::exists(output_ + "/notes.tmp1b"));
}

TEST_F(RunDirectoryTest, SurvivesThatItsDirectoryIsTakenAway) {
  RunDirectory run(output_, /*resume=*/false);
  run.begin(state());
  fs::remove_all(run.path());
}

TEST_F(RunDirectoryTest, ARefusedRunLetsGoOfItsLock) {
  make_complete();
  EXPECT_NE(input_error_of([&] { RunDirectory(output_, false); }), "");
  EXPECT_EQ(RunDirectory(output_, true).begin(state()), Start::kComplete);
}

}  // namespace run_directory_test
}  // namespace madx::apps

#include "madx/train/run_directory.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "io/test_files.h"
#include "madx/train/checkpoint.h"

namespace madx {
namespace {

namespace fs = std::filesystem;
using io::input_error_of;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class RunDirectoryTest : public testing::Test {
 protected:
  static void write(const std::string& path) { std::ofstream(path) << "something"; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / ""))
      names.push_back(entry.path().filename());
    return names;
  }
  io::TemporaryFolder folder_;
  std::string output_ = folder_ / "out";
};

TEST_F(RunDirectoryTest, AppearsWhenItIsFinished) {
  {
    RunDirectory run(output_, /*resume=*/false);
    write(run.path() + "/result");
    EXPECT_FALSE(fs::exists(output_));
    run.finish();
  }
  EXPECT_TRUE(fs::exists(output_ + "/result"));
  EXPECT_THAT(names(), UnorderedElementsAre("out"));
}

TEST_F(RunDirectoryTest, LeavesNothingOfARunThatFailed) {
  { write(RunDirectory(folder_ / "new/out", /*resume=*/false).path() + "/result"); }
  EXPECT_THAT(names(), UnorderedElementsAre());
}

TEST_F(RunDirectoryTest, KeepsTheCheckpointOfARunThatFailedAndNoResults) {
  {
    RunDirectory run(output_, /*resume=*/false);
    write_checkpoint(run.path() + "/checkpoint", Checkpoint());
    write(run.path() + "/metrics.jsonl");
    write(run.path() + "/adapter_config.json");
  }
  EXPECT_TRUE(has_checkpoint(output_ + "/checkpoint"));
  EXPECT_TRUE(fs::exists(output_ + "/metrics.jsonl"));
  EXPECT_FALSE(fs::exists(output_ + "/adapter_config.json"));
  RunDirectory resumed(output_, /*resume=*/true);
  EXPECT_TRUE(has_checkpoint(resumed.path() + "/checkpoint"));
}

TEST_F(RunDirectoryTest, IsRefusedWhileAnotherRunIsAtWorkThere) {
  const auto error_of = [&](bool resume) {
    return input_error_of([&] { RunDirectory(output_, resume); });
  };
  RunDirectory first(output_, /*resume=*/false);
  write(first.path() + "/work");
  EXPECT_THAT(error_of(false), HasSubstr("expected no other run at work there"));
  EXPECT_THAT(error_of(true), HasSubstr("expected no other run at work there"));
  EXPECT_TRUE(fs::exists(first.path() + "/work"));
  first.finish();
  EXPECT_THAT(error_of(false), HasSubstr("expected a new output directory, but it exists"));
}

}  // namespace
}  // namespace madx

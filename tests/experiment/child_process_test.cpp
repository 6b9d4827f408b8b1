// Programs that are run as children: how they end, what they print, and that they hear of a stop
// once.
#include "apps/experiment/child_process.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace madx::apps {
namespace child_process_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ChildProcess : public testing::Test {
 protected:
  ChildProcess() {
    std::string name = (fs::temp_directory_path() / "madx_child_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ChildProcess() override { fs::remove_all(folder_); }

  ChildResult run(
      const std::string& script, const std::function<bool()>& go_on = [] { return true; }) const {
    return run_child({"/bin/sh", "-c", script}, log(), go_on);
  }
  std::string log() const { return folder_ + "/log"; }
  std::string printed() const { return content(log()); }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string folder_;
};

TEST_F(ChildProcess, ReportsStatusTimeAndMemory) {
  const auto result = run("sleep 0.1; exit 2");
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.signal, 0);
  EXPECT_GE(result.seconds, 0.1);
  EXPECT_LT(result.seconds, 30);
  EXPECT_GT(result.peak_memory, 100000);
}

TEST_F(ChildProcess, AddsWhatIsPrintedToTheLog) {
  run("echo one; echo two >&2");
  run("echo three");
  EXPECT_EQ(printed(), "one\ntwo\nthree\n");
}

TEST_F(ChildProcess, NamesTheSignalThatEndedIt) {
  const auto result = run("kill -9 $$");
  EXPECT_EQ(result.signal, SIGKILL);
  EXPECT_EQ(result.status, 128 + SIGKILL);
}

TEST_F(ChildProcess, SaysInTheLogWhyAProgramDidNotStart) {
  const auto result = run_child({folder_ + "/none"}, log(), [] { return true; });
  EXPECT_EQ(result.status, 127);
  EXPECT_THAT(printed(), HasSubstr("No such file"));
}

TEST_F(ChildProcess, IsToldToStopOnceAndWaitedFor) {
  const auto result = run("trap 'echo told' TERM; echo ready; while [ \"$(grep -c told " + log() +
                              ")\" = 0 ]; do sleep 0.02; done; sleep 0.3; exit 130",
                          [&] { return printed().find("ready") == std::string::npos; });
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(printed(), "ready\ntold\n");
}

TEST_F(ChildProcess, StandsApartFromTheTerminalsSignals) {
  run("cut -d' ' -f5 /proc/$$/stat; echo $$; cat");  // whose input is at its end
  std::ifstream file(log());
  int64_t group = 0, process = -1;
  file >> group >> process;
  EXPECT_EQ(group, process);
  EXPECT_NE(group, ::getpgrp());
}

TEST_F(ChildProcess, DoesNotOutliveAParentThatWasKilled) {
  const auto told = folder_ + "/told";
  const pid_t parent = ::fork();
  if (parent == 0) {
    run("trap 'echo yes > " + told + "; exit' TERM; echo ready; while :; do sleep 0.02; done");
    ::_exit(0);
  }
  while (printed().find("ready") == std::string::npos) ::usleep(1000);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  for (int i = 0; i < 2000 && content(told) != "yes\n"; ++i) ::usleep(5000);
  EXPECT_EQ(content(told), "yes\n");
}

}  // namespace child_process_test
}  // namespace madx::apps

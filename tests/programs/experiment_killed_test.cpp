// madx_experiment in several processes: killed anywhere, it goes on, and computes nothing twice.
#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "programs/experiment_run.h"

namespace madx::apps {
namespace experiment_killed_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

/// A process group of its own, all of which gets a signal: what a terminal's Ctrl-C does.
TEST(ExperimentKilled, CtrlCInATerminalLeavesACheckpoint) {
  json changes = {{"rows", {"madx"}}, {"seeds", {1}}, {"languages", {"en"}}};
  changes["flags"]["language_adapter"] = {{"--steps", 100000}, {"--lr", 0.01}, {"--log-every", 1}};
  const auto folder = write_config("terminal", changes);
  const auto program = std::string(MADX_PROGRAMS) + "/madx_experiment";
  const auto config = folder + "/experiment.json";
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    ::execl(program.c_str(), program.c_str(), "--config", config.c_str(), nullptr);
    ::_exit(127);
  }
  const auto piece = [&](const std::string& inside) {
    if (!fs::exists(folder + "/out/pieces")) return false;
    for (const auto& entry : fs::directory_iterator(folder + "/out/pieces")) {
      if (fs::exists(entry.path().string() + inside)) return true;
    }
    return false;
  };
  const auto begun = std::chrono::steady_clock::now();
  while (!piece("/metrics.jsonl") &&
         std::chrono::steady_clock::now() - begun < std::chrono::seconds(60))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ::kill(-child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << status;
  EXPECT_TRUE(piece("/checkpoint/state.json"));
  EXPECT_EQ(logged(folder, "stopped").size(), 1u);
}

TEST(ExperimentKilled, KilledAnywhereItEndsWithTheSameFigures) {
  json changes = kFewRows;
  changes["flags"]["language_adapter"]["--steps"] = 40;
  const auto calm = write_config("calm", changes);
  ASSERT_EQ(experiment(calm, "--workers 2", patient()).status, 0);
  const auto folder = write_config("killed", changes);
  std::mt19937 random(7);
  for (const int signal : {SIGKILL, SIGTERM, SIGKILL, SIGINT, SIGKILL}) {
    ProgramOptions options = patient();
    options.signal = signal;
    options.signal_after_seconds = std::uniform_real_distribution<>(0.5, 3.0)(random);
    const auto before = log_of(folder);
    const auto result = experiment(folder, "--workers 2", options);
    if (result.status == 0) break;
    const bool begun = log_of(folder) != before;  // else it was loading its libraries
    if (signal != SIGKILL && begun) {
      EXPECT_EQ(result.status, 130) << result;
    }
  }
  const auto result = experiment(folder, "--workers 2", patient());
  ASSERT_EQ(result.status, 0) << result;
  EXPECT_EQ(figures_of(folder), figures_of(calm));
  for (const auto& [piece, times] : logged(folder, "done")) EXPECT_EQ(times, 1) << piece;
}

TEST(ExperimentKilled, WritesItsTableAsItGoes) {
  auto changes = kFewRows;
  changes["flags"]["language_adapter"]["--steps"] = 10000000;  // never done
  const auto folder = write_config("as_it_goes", changes);
  // Killed, each time later, until the first row has its score and the second one its training.
  auto options = patient();
  options.signal = SIGKILL;
  options.signal_after_seconds = 0.5;
  do {
    options.signal_after_seconds += 0.5;
    ASSERT_NE(experiment(folder, "", options).status, 0);
  } while (!fs::exists(folder + "/out/log.txt") || logged(folder, "started").size() < 3);
  EXPECT_EQ(results_of(folder)["rows"][0]["row"], "xlm-r");
  EXPECT_THAT(io::read_bytes(folder + "/out/table.md"), HasSubstr("not done yet: "));
}

TEST(ExperimentKilled, TwoProcessesShareTheWork) {
  const auto folder = write_config("shared", kFewRows);
  ProgramResult other;
  std::thread second([&] { other = experiment(folder, "", patient()); });
  const auto result = experiment(folder, "", patient());
  second.join();
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_EQ(other.status, 0) << other;
  for (const auto& [piece, times] : logged(folder, "done")) EXPECT_EQ(times, 1) << piece;
  for (const auto& [piece, times] : logged(folder, "started")) EXPECT_EQ(times, 1) << piece;
  EXPECT_EQ(results_of(folder)["rows"].size(), 6u);
}

TEST(ExperimentKilled, AWorkerThatIsKilledLosesOnlyItsPiece) {
  json changes = kFewRows;
  changes["flags"]["language_adapter"]["--steps"] = 40;
  const auto folder = write_config("lost", changes);
  auto killed = patient();
  killed.signal = SIGKILL;
  killed.signal_after_seconds = 1.5;
  std::thread second([&] { experiment(folder, "", killed); });
  const auto result = experiment(folder, "", patient());
  second.join();
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_EQ(results_of(folder)["rows"].size(), 6u);
  int begun = 0, done = 0;
  for (const char* word : {"started", "resumed"})
    for (const auto& [piece, times] : logged(folder, word)) begun += times;
  for (const auto& [piece, times] : logged(folder, "done")) {
    EXPECT_EQ(times, 1) << piece;
    done += times;
  }
  EXPECT_LE(begun, done + 1);
}

}  // namespace experiment_killed_test
}  // namespace madx::apps

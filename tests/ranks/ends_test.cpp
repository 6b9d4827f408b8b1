// How a run of several ranks ends: whole, resumed, refused, or because one of them is lost.
#include <gmock/gmock.h>

#include <regex>

#include "ranks/mpirun.h"

namespace madx::apps {
namespace ends_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const std::string kTraining =
    "train_lang_adapter --encoder @/encoder --lm-head @/lm_head --text @/en.txt --lr 1e-2 "
    "--batch-size 6 --log-every 1 ";

const std::string kDiverging =
    "train_lang_adapter --encoder @/encoder --lm-head @/lm_head --text @/en.txt --lr 1e30 --steps "
    "40 "
    "--warmup-steps 0 ";

int times(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

bool nothing_at(const std::string& output) {
  return !fs::exists(tiny_files() / output) && !fs::exists(tiny_files() / output + ".partial");
}

/// The run of so many steps that nothing stops.
std::string whole_run(int ranks, int steps) {
  const auto output = "ends/whole" + std::to_string(steps);
  const auto result =
      run_ranks(ranks, kTraining + "--steps " + std::to_string(steps) + " --output @/" + output);
  EXPECT_EQ(result.status, 0) << result;
  return output;
}

TEST(Stopped, RanksEndTogetherAndAnotherNumberOfRanksGoesOn) {
  ProgramOptions options;
  options.signal = SIGUSR1;  // mpirun hands it on to every rank
  options.signal_when_exists = tiny_files() / "ends/stopped.partial/metrics.jsonl";
  const auto stopped = run_ranks(4, kTraining + "--steps 60 --output @/ends/stopped", options);
  EXPECT_EQ(stopped.status, 130) << stopped;
  EXPECT_EQ(times(stopped.err, "train_lang_adapter: interrupted at step "), 1) << stopped;
  EXPECT_TRUE(fs::exists(tiny_files() / "ends/stopped/checkpoint/state.json"));

  const auto resumed = run_ranks(2, kTraining + "--steps 60 --output @/ends/stopped --resume");
  EXPECT_EQ(resumed.status, 0) << resumed;
  expect_same_run(whole_run(1, 60), "ends/stopped");
}

TEST(Stopped, ASignalToOneRankIsForAll) {
  const auto stopped = run_script(
      "$mpirun -q -n 2 " + program(kTraining + "--steps 3000 --output @/ends/one") +
      " & job=$!\n"
      "until [ -s @/ends/one.partial/metrics.jsonl ] || ! kill -0 $job; do sleep 0.02; done\n"
      "set -- $(cat /proc/$job/task/*/children); kill -TERM $2; wait $job\n");
  EXPECT_EQ(stopped.status, 130) << stopped;
  EXPECT_EQ(times(stopped.err, "train_lang_adapter: interrupted at step "), 1) << stopped;
  EXPECT_TRUE(fs::exists(tiny_files() / "ends/one/checkpoint/state.json"));
}

TEST(LostRank, EndsTheJobByItsNameAndLeavesTheLastCheckpoint) {
  const auto whole = whole_run(2, 400);
  int number = 0;
  for (const auto* const when : {"0.03", "0.1", "0.3"}) {
    const auto output = "ends/lost" + std::to_string(number++);
    const auto lost = run_script(
        "$mpirun -n 2 " + program(kTraining + "--steps 400 --save-every 1 --output @/" + output) +
        " & job=$!\n"
        "until [ -e @/" +
        output +
        ".partial/checkpoint/state.json ] || ! kill -0 $job; do\n"
        "  sleep 0.02\n"
        "done\n"
        "sleep " +
        when + "; set -- $(cat /proc/$job/task/*/children); kill -KILL $2; wait $job\n");
    EXPECT_EQ(lost.status, 128 + SIGKILL) << lost;
    EXPECT_TRUE(std::regex_search(
        lost.err, std::regex("process rank [01] with PID [0-9]+ on node \\S+ exited on signal 9")))
        << lost;
    const auto anew = run_ranks(1, kTraining + "--steps 400 --output @/" + output);
    EXPECT_THAT(anew.err, HasSubstr("holds an interrupted run; go on with --resume"));
    const auto resumed = run_ranks(2, kTraining + "--steps 400 --resume --output @/" + output);
    EXPECT_EQ(resumed.status, 0) << resumed;
    expect_same_run(whole, output);
  }
}

TEST(BadInput, IsSaidOnceAndNothingIsWritten) {
  const auto all = run_ranks(4, kTraining + "--steps 2 --text @/missing.txt --output @/ends/bad");
  EXPECT_EQ(all.status, 2) << all;
  EXPECT_EQ(times(all.err, "missing.txt"), 1) << all;
  EXPECT_TRUE(nothing_at("ends/bad"));
}

TEST(BadInput, OfOneRankEndsAll) {
  const auto good = program(kTraining + "--steps 2 --output @/ends/bad_rank");
  const auto bad = program(kTraining + "--steps 2 --text @/missing.txt --output @/ends/bad_rank");
  const auto result = run_script("$mpirun -q -n 1 " + good + " : -n 1 " + bad);
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_EQ(times(result.err, "missing.txt"), 1) << result;
  EXPECT_TRUE(nothing_at("ends/bad_rank"));
}

TEST(BadInput, RanksWithOtherFlagsAreNamed) {
  const auto flags = kTraining + "--steps 2 --output @/ends/flags ";
  const auto result = run_script("$mpirun -q -n 1 " + program(flags) + " : -n 1 " +
                                 program(flags + "--weight-decay 0.5"));
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, MatchesRegex("train_lang_adapter: rank 1 on .*: rank 0 has "
                                       "--weight-decay 0, but this one has 0.5; give every rank "
                                       "the same flags and files\n"));
  EXPECT_TRUE(nothing_at("ends/flags"));
}

TEST(BadInput, ADivergingRunIsSaidOnce) {
  const auto result = run_ranks(2, kDiverging + "--output @/ends/diverged");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_EQ(times(result.err, "training diverged"), 1) << result;
}

TEST(BadInput, OfTheOutputDirectoryIsRankZerosToSay) {
  io::write_bytes(tiny_files() / "ends/taken.partial", "");  // only rank 0 looks
  const auto result = run_ranks(2, kTraining + "--steps 2 --output @/ends/taken");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_EQ(times(result.err, "taken.partial: expected no file"), 1) << result;
}

TEST(BadInput, WhatOneProcessDoesIsRefusedToSeveral) {
  const auto head = run_ranks(2,
                              "train_lm_head --encoder @/encoder --text @/en.txt --steps 2 "
                              "--output @/ends/head");
  EXPECT_EQ(head.status, 2) << head;
  EXPECT_EQ(head.err,
            "train_lm_head: expected one process, but was started as 2; start it without "
            "mpirun or srun\n");
  EXPECT_TRUE(nothing_at("ends/head"));

  const auto scoring = run_ranks(
      2,
      "zero_shot_ner --encoder @/encoder --source en --language en=@/adapters/en --task-adapter "
      "@/ner/task_adapter --test en=@/en.conll --output @/ends/scoring");
  EXPECT_EQ(scoring.status, 2) << scoring;
  EXPECT_EQ(times(scoring.err, "zero_shot_ner: --train: expected it beside 2 ranks"), 1) << scoring;
}

TEST(BadInput, ALauncherThatMpiDoesNotKnowIsRefused) {
  const WithVariable step("SLURM_STEP_NUM_TASKS", "3");
  const auto result = run_ranks(1, kTraining + "--steps 2 --output @/ends/slurm");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("expected 3 processes to be the ranks of one run, but "));
  EXPECT_TRUE(nothing_at("ends/slurm"));
}

TEST(Waiting, CostsLittleProcessorTime) {
  // Rank 0 evaluates for a while; the others wait. Its time is the bound: they have trained, too.
  const auto seconds = [](int ranks) {
    const auto result = run_script(
        "TIMEFORMAT='%U %S'; time ( $mpirun -q -n " + std::to_string(ranks) + " " +
        program(kTraining + "--steps 2 --eval-every 1 --eval-text @/long.txt --output @/ends/wait" +
                std::to_string(ranks)) +
        " >/dev/null 2>&1 )");
    std::istringstream times(result.err);
    double user = 0, system = 0;
    times >> user >> system;
    return user + system;
  };
  std::string text;
  for (int i = 0; i < 400; ++i) text += io::read_bytes(tiny_files() / "en.txt");
  io::write_bytes(tiny_files() / "long.txt", text);
  const auto one = seconds(1), four = seconds(4);
  EXPECT_GT(one, 0);
  // Four programs start; were the three spinning, it would be more than three times rank 0's.
  EXPECT_LT(four, 2.5 * one + 4) << one << " s in one process";
}

}  // namespace ends_test
}  // namespace madx::apps

// Training that is cut short: Ctrl-C, a killed process, and --resume, which gives what an
// uninterrupted run gives.
#include <gmock/gmock.h>

#include "programs/tiny_files.h"

namespace madx {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;

/// A training command and the file whose bytes tell what it learned.
struct Training {
  const char* program;
  std::string command;
  std::string learned;
};

// Long enough to be caught, with evaluations whose best one a resumed run must remember.
const Training kLanguage{"train_lang_adapter",
                         "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --lr 1e-2 "
                         "--eval-text @/sw.txt --eval-every 20 --name en --steps 100 ",
                         "/pytorch_adapter.bin"};
const Training kTask{"zero_shot_ner",
                     "--encoder @/encoder --source en --language en=@/adapters/en "
                     "--train @/train.conll --dev @/dev.conll --test en=@/en.conll --lr 1e-2 "
                     "--eval-every 20 --steps 100 ",
                     "/task_adapter/pytorch_adapter.bin"};
const Training kHead{"train_lm_head",
                     "--encoder @/encoder --text @/en.txt @/sw.txt --lr 1e-2 --steps 100 ",
                     "/pytorch_model_head.bin"};

ProgramResult train(const Training& training, const std::string& flags,
                    const ProgramOptions& options = {}) {
  return run_command(tiny_files(), training.program, training.command + flags, options);
}

std::string learned(const Training& training, const std::string& output) {
  return io::read_bytes(tiny_files() / output + training.learned);
}

/// What a training learns that nothing stops; trained once.
std::string learned_without_a_stop(const Training& training) {
  const auto output = std::string("whole/") + training.program;
  if (!fs::exists(tiny_files() / output)) {
    const auto result = train(training, "--output @/" + output);
    EXPECT_EQ(result.status, 0) << result;
  }
  return learned(training, output);
}

/// Starts a training that gets a signal in its first steps.
ProgramResult cut_short(const Training& training, const std::string& output,
                        const std::string& flags, int signal, const std::string& once_there_is) {
  ProgramOptions options;
  options.signal = signal;
  options.signal_when_exists = tiny_files() / output + ".partial/" + once_there_is;
  return train(training, "--output @/" + output + " " + flags, options);
}

class InterruptedRun : public testing::TestWithParam<Training> {};

TEST_P(InterruptedRun, GoesOnToTheBytesOfAnUninterruptedOne) {
  const std::string program = GetParam().program;
  const auto cut = "cut/" + program;
  const auto stopped = cut_short(GetParam(), cut, "", SIGINT, "metrics.jsonl");
  EXPECT_EQ(stopped.status, 130) << stopped;
  EXPECT_THAT(stopped.err, HasSubstr("\n" + program + ": interrupted at step "));
  EXPECT_THAT(stopped.err, HasSubstr(" of 100; go on with --resume\n"));
  EXPECT_TRUE(fs::exists(tiny_files() / cut + "/checkpoint/state.json"));
  EXPECT_FALSE(fs::exists(tiny_files() / cut + GetParam().learned)) << "not trained yet";
  EXPECT_FALSE(fs::exists(tiny_files() / cut + ".partial"));

  const auto resumed = train(GetParam(), "--output @/" + cut + " --resume");
  EXPECT_EQ(resumed.status, 0) << resumed;
  const auto expected = learned_without_a_stop(GetParam());
  EXPECT_NE(expected, "");
  // Heads carry their directory's name, which is the same in both.
  EXPECT_EQ(learned(GetParam(), cut), expected);
}

INSTANTIATE_TEST_SUITE_P(Programs, InterruptedRun, testing::Values(kLanguage, kTask, kHead),
                         [](const auto& test) { return std::string(test.param.program); });

TEST(KilledRun, GoesOnFromItsLastCheckpoint) {
  const auto killed =
      cut_short(kLanguage, "killed/en", "--save-every 10", SIGKILL, "checkpoint/state.json");
  EXPECT_EQ(killed.signal, SIGKILL) << killed;
  EXPECT_FALSE(fs::exists(tiny_files() / "killed/en"));

  const auto anew = train(kLanguage, "--output @/killed/en");
  EXPECT_EQ(anew.status, 2) << anew;
  EXPECT_THAT(anew.err, MatchesRegex("train_lang_adapter: .*/killed/en.partial: holds an "
                                     "interrupted run; go on with --resume, or remove it\n"));

  const auto resumed = train(kLanguage, "--output @/killed/en --save-every 10 --resume");
  EXPECT_EQ(resumed.status, 0) << resumed;
  EXPECT_EQ(learned(kLanguage, "killed/en"), learned_without_a_stop(kLanguage));
}

TEST(ResumedRun, RefusesOtherFlagsAndKeepsTheCheckpoint) {
  const auto stopped = cut_short(kHead, "kept/head", "", SIGINT, "metrics.jsonl");
  ASSERT_EQ(stopped.status, 130) << stopped;
  auto other = kHead;
  other.command.replace(other.command.find("--lr 1e-2"), 9, "--lr 2e-2");
  const auto refused = train(other, "--output @/kept/head --resume");
  EXPECT_EQ(refused.status, 2) << refused;
  EXPECT_THAT(refused.err, HasSubstr("the interrupted run had --lr 0.01, but this one has 0.02; "
                                     "resume with the same flags, or start anew"));
  EXPECT_TRUE(fs::exists(tiny_files() / "kept/head/checkpoint/state.json"));

  const auto without = train(kHead, "--output @/kept/head");
  EXPECT_EQ(without.status, 2) << without;
  EXPECT_THAT(without.err, HasSubstr("/kept/head: expected a new output directory, but it exists; "
                                     "name another, remove it, or add --resume\n"));
  EXPECT_TRUE(fs::exists(tiny_files() / "kept/head/checkpoint/state.json"));
}

}  // namespace
}  // namespace madx

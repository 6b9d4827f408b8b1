// Training that is cut short: Ctrl-C, a killed process, and --resume, which gives what an
// uninterrupted run gives.
#include <gmock/gmock.h>

#include <map>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace interrupted_run_test {

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

const Training kEncoder{"adapt_encoder",
                        "--encoder @/encoder --lm-head @/lm_head --text @/en.txt @/sw.txt --lr "
                        "1e-2 --eval-text @/sw.txt --eval-every 20 --steps 100 ",
                        "/model.safetensors"};

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
  const auto signal =
      GetParam().program == kTask.program ? SIGTERM : SIGINT;  // one is as the other
  const auto stopped = cut_short(GetParam(), cut, "", signal, "metrics.jsonl");
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

INSTANTIATE_TEST_SUITE_P(Programs, InterruptedRun,
                         testing::Values(kLanguage, kTask, kHead, kEncoder),
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

/// Every file below a folder of the tests, with its bytes.
std::map<std::string, std::string> all_files(const std::string& output) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(tiny_files() / output))
    if (entry.is_regular_file()) files[entry.path()] = io::read_bytes(entry.path());
  return files;
}

/// A training's command with one of its parts exchanged for another.
Training changed(Training training, const std::string& part, const std::string& other) {
  const auto at = training.command.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  training.command.replace(at, part.size(), other);
  return training;
}

TEST(ResumedRun, IsThatRecipeOrIsRefusedNamingWhatDiffers) {
  struct Change {
    Training training;
    std::string named;
  };
  const auto& files = tiny_files();
  io::write_bytes(files / "longer.txt", io::read_bytes(files / "en.txt") + "One line more.\n");
  io::write_bytes(files / "longer.conll",
                  io::read_bytes(files / "train.conll") + "Anna\tB-PER\nsings\tO\n\n");
  const auto language = [](const std::string& flags) {
    auto training = kLanguage;
    training.command += flags + " ";
    return training;
  };
  const std::vector<Change> languages = {
      {changed(kLanguage, "--text @/en.txt", "--text @/longer.txt"), "--text "},
      {changed(kLanguage, "--eval-text @/sw.txt", "--eval-text @/en.txt"), "--eval-text "},
      {changed(kLanguage, "--encoder @/encoder ", "--encoder @/encoder_with_head "), "--encoder "},
      {changed(kLanguage, "--eval-every 20", "--eval-every 10"), "--eval-every 20"},
      {language("--mlm-probability 0.2"), "--mlm-probability 0.15, but this one has 0.2"},
      {language("--config seq_bn[non_linearity='gelu']"), "--config non_linearity \"relu\""},
      {language("--inv-reduction-factor 4"), "--config inv_adapter_reduction_factor 2"},
      {language("--leave-out 1"), "--config leave_out"},
      {language("--full-length"), "--full-length not given"},
      {language("--vocabulary text"), "--vocabulary full, but this one has text"},
      {language("--train-lm-head"), "--train-lm-head not given"},
      {language("--no-encoder-dropout"), "--no-encoder-dropout not given"}};
  const std::vector<Change> tasks = {
      {changed(kTask, "--train @/train.conll", "--train @/longer.conll"), "--train "},
      {changed(kTask, "--dev @/dev.conll", "--dev @/train.conll"), "--dev "},
      {changed(kTask, "en=@/adapters/en", "en=@/adapters/sw"), "--language en "},
      {changed(kTask, "--lr 1e-2", "--lr 1e-2 --setup no-inv"), "--setup madx"},
      {changed(kTask, "--lr 1e-2", "--lr 1e-2 --columns token=1,tag=2"), "--columns"}};
  for (const auto& [training, changes] : {std::pair(kLanguage, languages), {kTask, tasks}}) {
    const auto output = std::string("other/") + training.program;
    const auto stopped = cut_short(training, output, "", SIGINT, "metrics.jsonl");
    ASSERT_EQ(stopped.status, 130) << stopped;
    const auto before = all_files(output);
    for (const auto& change : changes) {
      const auto refused = train(change.training, "--output @/" + output + " --resume");
      EXPECT_EQ(refused.status, 2) << change.training.command << refused;
      EXPECT_THAT(refused.err, HasSubstr("the interrupted run had " + change.named));
      EXPECT_THAT(refused.err, HasSubstr("resume with the same flags, or start anew"));
      EXPECT_EQ(all_files(output), before);
    }
  }
}

TEST(FinishedRun, IsLeftAsItIsWhateverResumesIt) {
  const auto output = "finished/en";
  const auto training = changed(kLanguage, "--steps 100", "--steps 10 --save-every 5");
  ASSERT_EQ(train(training, std::string("--output @/") + output).status, 0);
  const auto before = all_files(output);
  EXPECT_EQ(before.count(tiny_files() / output + "/checkpoint/state.json"), 1u) << "asked for";
  const auto resume = [&](const Training& other) {
    return train(other, std::string("--resume --output @/") + output);
  };
  const auto done = resume(training);
  EXPECT_EQ(done.status, 0) << done;
  EXPECT_THAT(done.out, HasSubstr("finished/en is complete: nothing to do\n"));
  const std::pair<Training, std::string> refused[] = {
      {changed(training, "--lr 1e-2", "--lr 2e-2"), "had --lr 0.01, but this one has 0.02"},
      {changed(training, "--steps 10 ", "--steps 20 "), "had --steps 10, but this one has 20"},
      {changed(training, "--lr 1e-2", "--batch-size 0"), "--batch-size: expected a number above 0"},
      {changed(training, "--lr 1e-2", "--dtype float8"), "--dtype: expected float32, bfloat16 or int8"},
      {changed(training, "@/en.txt", "@/no_such.txt"), "no_such.txt: expected a text file"},
      {changed(training, "@/encoder ", "@/none "), "none: expected an encoder's directory"}};
  for (const auto& [other, words] : refused) {
    const auto result = resume(other);
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err, HasSubstr(words));
    EXPECT_EQ(all_files(output), before) << words;
  }
}

TEST(FinishedRun, KeepsNoCheckpointThatNobodyAskedFor) {
  const auto training = changed(kLanguage, "--steps 100", "--steps 10 --save-minutes 1e-9");
  ASSERT_EQ(train(training, "--output @/finished/unasked").status, 0);
  EXPECT_FALSE(fs::exists(tiny_files() / "finished/unasked/checkpoint"));
}

TEST(FinishedRun, ScoresOtherTestSetsWithTheTaskAdapterThatItHas) {
  const auto training = changed(kTask, "--steps 100", "--steps 10");
  ASSERT_EQ(train(training, "--output @/finished/ner").status, 0);
  const auto before = all_files("finished/ner/task_adapter");
  const auto more = train(training,
                          "--output @/finished/ner --resume --language sw=@/adapters/sw "
                          "--test sw=@/sw.conll");
  EXPECT_EQ(more.status, 0) << more;
  EXPECT_THAT(more.out, HasSubstr("trained already: scoring what is in "));
  EXPECT_EQ(all_files("finished/ner/task_adapter"), before);
  EXPECT_TRUE(fs::exists(tiny_files() / "finished/ner/predictions/sw.conll"));
}

TEST(FinishedRun, KeepsItsScoresUntilTheNewOnesAreWhole) {
  const auto& files = tiny_files();
  const std::string task =
      "--encoder @/encoder --source en --language en=@/adapters/en --task-adapter "
      "@/ner/task_adapter --output @/finished/scored ";
  const auto command = task + "--test en=@/en.conll ";
  ASSERT_EQ(run_command(files, "zero_shot_ner", command).status, 0);
  const auto before = all_files("finished/scored");
  ProgramOptions options;
  options.file_size_limit = 7000;  // the report is longer
  const auto failed =
      run_command(files, "zero_shot_ner", task + "--test en=@/train.conll --resume", options);
  EXPECT_EQ(failed.status, 1) << failed;
  EXPECT_EQ(all_files("finished/scored"), before);
  const auto shorter = run_command(files, "zero_shot_ner", command + "--max-length 8 --resume");
  EXPECT_EQ(shorter.status, 2) << shorter;
  EXPECT_THAT(shorter.err, HasSubstr("--max-length 128, but this one has 8"));
}

TEST(CheckpointEveryTenMinutes, ComesUnasked) {
  const auto killed =
      cut_short(kLanguage, "unasked/en", "--save-minutes 0.0001", SIGKILL, "checkpoint/state.json");
  EXPECT_EQ(killed.signal, SIGKILL) << killed;
  const auto resumed = train(kLanguage, "--output @/unasked/en --resume");
  EXPECT_EQ(resumed.status, 0) << resumed;
  EXPECT_EQ(learned(kLanguage, "unasked/en"), learned_without_a_stop(kLanguage));
}

TEST(FinishedRun, SaysWhichFigureADamagedOneLacks) {
  const auto training = changed(kTask, "--steps 100", "--steps 2");
  ASSERT_EQ(train(training, "--output @/finished/damaged").status, 0);
  const auto path = tiny_files() / "finished/damaged/run.json";
  auto state = io::read_bytes(path);
  const auto replace = [&](const std::string& part, const std::string& other) {
    ASSERT_NE(state.find(part), std::string::npos) << part;
    state.replace(state.find(part), part.size(), other);
  };
  replace("\"complete\"", "\"trained\"");
  replace("\"steps\"", "\"stairs\"");
  io::write_bytes(path, state);
  const auto refused = train(training, "--output @/finished/damaged");
  EXPECT_EQ(refused.status, 2) << refused;
  EXPECT_THAT(refused.err, HasSubstr("run.json: expected the figure \"steps\" of a training"));
}

TEST(NoLang, ReadsNoLanguageAdapterThatIsNamed) {
  const auto training = changed(changed(kTask, "en=@/adapters/en", "en=@/adapters/none"),
                                "--steps 100", "--steps 2 --setup no-lang");
  const auto result = train(training, "--output @/finished/no_lang");
  EXPECT_EQ(result.status, 0) << result;
}

}  // namespace interrupted_run_test
}  // namespace madx::apps

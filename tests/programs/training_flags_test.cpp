#include <gmock/gmock.h>

#include <algorithm>

#include "apps/command_line/flags.h"
#include "data/test_files.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace training_flags_test {

TEST(BatchTokens, AreAsManySequencesAsFit) {
  const auto parse = [](std::vector<std::string> words, TrainingFlags& flags) {
    CLI::App app;
    flags.add_to(app);
    std::reverse(words.begin(), words.end());
    app.parse(words);
    flags.check();
  };
  TrainingFlags flags;
  parse({"--batch-tokens", "4100", "--max-length", "128"}, flags);
  EXPECT_EQ(flags.batch_size, 32);
  TrainingFlags both, few;
  EXPECT_EQ(input_error_of([&] {
              parse({"--batch-tokens", "4096", "--batch-size", "8"}, both);
            }),
            "--batch-size and --batch-tokens: expected one of them, but found both");
  EXPECT_EQ(input_error_of([&] {
              parse({"--batch-tokens", "100"}, few);
            }),
            "--batch-tokens: expected at least --max-length, 128, but found 100");
}

TEST(IdleFlags, AreToldInANoteEach) {
  const std::string command =
      "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 1 --warmup-steps 3 "
      "--eval-every 1 --snapshot-every 2 ";
  const auto idle =
      run_command(tiny_files(), "train_lang_adapter", command + "--output @/idle/without");
  EXPECT_EQ(idle.status, 0) << idle;
  EXPECT_THAT(idle.err, testing::HasSubstr("note: --eval-every 1: expected --eval-text beside it, "
                                           "but found none, so nothing is evaluated\n"));
  EXPECT_THAT(idle.err, testing::HasSubstr("note: --warmup-steps 3: expected at most the 1 step"));
  EXPECT_THAT(idle.err,
              testing::HasSubstr("note: --snapshot-every 2: expected at most the 1 step"));
  EXPECT_THAT(idle.out, testing::HasSubstr(": 1 step, "));
  const auto with = run_command(tiny_files(), "train_lang_adapter",
                                command + "--eval-text @/sw.txt --output @/idle/with");
  EXPECT_EQ(with.status, 0) << with;
  EXPECT_THAT(with.err, testing::Not(testing::HasSubstr("note: --eval-every")));
}

TEST(IdleFlags, OfScoringAndFineTuningAreToldInANoteEach) {
  const std::string command =
      "--encoder @/encoder --source en --test en=@/en.conll --config pfeiffer --steps 1 ";
  const auto tuned =
      run_command(tiny_files(), "zero_shot_ner",
                  command + "--setup finetune --train @/train.conll --output @/idle/tuned");
  EXPECT_EQ(tuned.status, 0) << tuned;
  EXPECT_THAT(tuned.err,
              testing::HasSubstr("note: --config does nothing beside --setup finetune\n"));
  const auto scored = run_command(tiny_files(), "zero_shot_ner",
                                  "--encoder @/idle/tuned/finetuned --source en --setup finetune "
                                  "--task-adapter @/idle/tuned/finetuned --test en=@/en.conll "
                                  "--epochs 3 --output @/idle/scored");
  EXPECT_EQ(scored.status, 0) << scored;
  EXPECT_THAT(scored.err,
              testing::HasSubstr("note: --epochs does nothing beside --task-adapter\n"));
}

TEST(TrainingData, WithoutAnEntityIsToldInANote) {
  io::write_bytes(tiny_files() / "all_o.conll", "Maria\tO\nsees\tO\n\n");
  const auto result =
      run_command(tiny_files(), "zero_shot_ner",
                  "--encoder @/encoder --source en --setup no-lang --train @/all_o.conll --dev "
                  "@/dev.conll --test en=@/en.conll --steps 1 --output @/all_o");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.err, testing::HasSubstr(tiny_files().expand(
                              "note: @/all_o.conll has no entity: all tags are O\n")));
  EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("dev.conll has no entity")));
}

TEST(TestSet, WithATypeThatTheTaggerDoesNotKnowIsToldInANote) {
  io::write_bytes(tiny_files() / "dates.conll", "Maria\tB-PER\nMonday\tB-DATE\nten\tB-TIME\n\n");
  const auto result = run_command(
      tiny_files(), "zero_shot_ner",
      "--encoder @/encoder --source en --setup no-lang --task-adapter "
      "@/ner/task_adapter --test en=@/en.conll --test sw=@/dates.conll --output @/dates");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_EQ(
      result.err,
      "note: --test sw: entities of \"DATE\", \"TIME\" count as missed, as the tagger was not "
      "trained on any\n");
}

}  // namespace training_flags_test
}  // namespace madx::apps

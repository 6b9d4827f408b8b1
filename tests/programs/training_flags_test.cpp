#include <gtest/gtest.h>

#include <algorithm>

#include "apps/command_line/flags.h"
#include "data/test_files.h"

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

}  // namespace training_flags_test
}  // namespace madx::apps

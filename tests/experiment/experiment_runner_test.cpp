// What a runner makes of programs that do not do what they should.
#include "apps/experiment/experiment_runner.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "io/test_files.h"

namespace madx::apps {
namespace experiment_runner_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(ExperimentRunner, TakesAPieceThatLeftNothingForFailed) {
  const io::TemporaryFolder folder;
  fs::create_directories(folder / "encoder");
  fs::create_directories(folder / "bin");
  io::write_bytes(folder / "encoder/config.json", R"({"num_hidden_layers": 2})");
  io::write_bytes(folder / "en.conll", "a\tO\n");
  const auto program = folder / "bin/zero_shot_ner";
  io::write_bytes(program, "#!/bin/sh\necho help\n");  // ends with 0, and writes no directory
  fs::permissions(program, fs::perms::owner_all);

  ExperimentConfig config;
  config.path = folder / "experiment.json";
  config.output = folder / "out";
  config.encoder = folder / "encoder";
  config.sources = config.languages = {"en"};
  config.seeds = {1};
  config.rows = {"madx-lad-inv"};
  config.ner["en"] = {folder / "en.conll", "", folder / "en.conll"};
  fs::create_directories(folder / "out/pieces");
  RunnerOptions options;
  options.programs = folder / "bin";
  options.threads = 1;
  const auto result = run_pieces(plan_experiment(config), options);
  ASSERT_EQ(result.failed.size(), 1u);
  EXPECT_THAT(result.failed[0].name, HasSubstr("task-adapter"));
  EXPECT_EQ(result.failed[0].error, "ended with status 0, but left nothing");
}

}  // namespace experiment_runner_test
}  // namespace madx::apps

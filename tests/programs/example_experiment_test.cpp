// examples/experiment.json, over a tiny encoder: it plans every row on the data that it names.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace example_experiment_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ExampleExperiment, PlansEveryRow) {
  const std::string examples = std::string(MADX_FIXTURES) + "/../../examples/";
  auto config = json::parse(io::read_bytes(examples + "experiment.json"), /*callback=*/nullptr,
                            /*allow_exceptions=*/true, /*ignore_comments=*/true);
  const auto& files = tiny_files();
  config["output"] = files / "example_experiment";
  config["encoder"] = files / "encoder";
  config["lm_head"] = files / "lm_head";
  const auto from_here = [&](json& path) { path = examples + path.get<std::string>(); };
  for (const char* const texts : {"text", "eval_text"})
    for (auto& file : config[texts]) from_here(file);
  for (auto& language : config["ner"])
    for (auto& file : language) from_here(file);
  const auto path = files / "example_experiment.json";
  io::write_bytes(path, config.dump());

  const auto plan = run_command(files, "madx_experiment", "--config " + path + " --dry-run");
  EXPECT_EQ(plan.status, 0) << plan;
  for (const std::string row :
       {"madx-lad-inv", "madx-inv", "madx", "keep-source", "drop-la", "madx-2.0", "houlsby", "tlr",
        "multi-source", "fun", "averaged", "xlm-r", "mlm-src", "mlm-trg"})
    EXPECT_THAT(plan.out, HasSubstr("scoring-" + row + "-en-rw-seed1-"));
  EXPECT_THAT(plan.out, AllOf(HasSubstr("absent   mbert"), Not(HasSubstr("absent   madx"))));
}

}  // namespace example_experiment_test
}  // namespace madx::apps

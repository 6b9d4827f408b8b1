// The configurations that users start from, over a tiny encoder: examples/experiment.json plans
// every row on the data that it names, and that of docs/experiments.md on files of its names.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace example_experiment_test {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

json parse_with_comments(const std::string& text) {
  return json::parse(text, /*callback=*/nullptr, /*allow_exceptions=*/true,
                     /*ignore_comments=*/true);
}

/// Makes a tiny file of each path at the ends of `value`, in `folder`.
void write_files(const json& value, const std::string& folder, const std::string& content) {
  if (value.is_string()) {
    const std::filesystem::path path = folder + "/" + value.get<std::string>();
    std::filesystem::create_directories(path.parent_path());
    io::write_bytes(path, content);
  } else {
    for (const auto& part : value) write_files(part, folder, content);
  }
}

TEST(ExampleExperiment, PlansEveryRow) {
  const std::string examples = std::string(MADX_FIXTURES) + "/../../examples/";
  auto config = parse_with_comments(io::read_bytes(examples + "experiment.json"));
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

TEST(DocumentedExperiment, PlansEveryRow) {
  const auto page = io::read_bytes(std::string(MADX_FIXTURES) + "/../../docs/experiments.md");
  const std::string fence = "```json\n";
  const auto first = page.find(fence) + fence.size();
  auto config = parse_with_comments(page.substr(first, page.find("```", first) - first));
  const auto& files = tiny_files();
  const auto folder = files / "documented_experiment";
  write_files(json::array({config["text"], config["eval_text"]}), folder, "The river ran fast.\n");
  write_files(config["ner"], folder, "Maria\tB-PER\nleft\tO\n");
  config["encoder"] = files / "encoder";
  config["lm_head"] = files / "lm_head";
  io::write_bytes(folder + "/experiment.json", config.dump());

  const auto plan =
      run_command(files, "madx_experiment", "--config " + folder + "/experiment.json --dry-run");
  EXPECT_EQ(plan.status, 0) << plan;
  EXPECT_THAT(plan.out, AllOf(HasSubstr("scoring-madx-en-rw-seed3-"),
                              HasSubstr("scoring-mlm-trg-en-sw-seed1-"),
                              HasSubstr("absent   madx en to qu"), HasSubstr("absent   mbert")));
}

}  // namespace example_experiment_test
}  // namespace madx::apps

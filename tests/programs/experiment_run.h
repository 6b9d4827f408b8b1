#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "programs/tiny_files.h"

namespace madx::apps {

/// A configuration with two sources' data, in a folder of its own; `changes` is merged into it.
inline std::string write_config(const std::string& name,
                                const nlohmann::json& changes = nlohmann::json::object()) {
  const auto folder = tiny_files() / ("experiments/" + name);
  std::filesystem::create_directories(folder);
  const auto file = [](const std::string& path) { return tiny_files() / path; };
  nlohmann::json config = {
      {"output", "out"},
      {"encoder", file("encoder_with_head")},
      {"sources", {"en"}},
      {"languages", {"en", "sw", "qu"}},
      {"unseen", {"sw"}},
      {"multi_sources", {"en", "sw"}},
      {"seeds", {1, 2}},
      {"text", {{"en", file("en.txt")}, {"sw", file("sw.txt")}}},
      {"eval_text", {{"sw", file("sw.txt")}}},
      {"ner",
       {{"en",
         {{"train", file("train.conll")}, {"dev", file("dev.conll")}, {"test", file("en.conll")}}},
        {"sw", {{"train", file("train.conll")}, {"test", file("sw.conll")}}}}},
      {"flags",
       {{"language_adapter", {{"--steps", 4}, {"--lr", 0.01}}},
        {"adapted_encoder", {{"--steps", 3}, {"--lr", 0.001}}},
        {"task_adapter", {{"--steps", 12}, {"--lr", 0.03}, {"--reduction-factor", 2}}},
        {"fine_tuning", {{"--steps", 6}, {"--lr", 0.01}}}}},
      {"row_flags",
       {{"fun", {{"task_adapter", {{"--unfreeze-every", 4}}}}},
        {"averaged", {{"task_adapter", {{"--average-every", 4}}}}}}}};
  config.merge_patch(changes);
  io::write_bytes(folder + "/experiment.json", config.dump(2));
  return folder;
}

inline ProgramResult experiment(const std::string& folder, const std::string& flags = "",
                                const ProgramOptions& options = {}) {
  return run_command(tiny_files(), "madx_experiment",
                     flags + " --config " + folder + "/experiment.json", options);
}

inline ProgramOptions patient() {
  ProgramOptions options;
  options.timeout_seconds = 240;
  return options;
}

inline nlohmann::json results_of(const std::string& folder) {
  return nlohmann::json::parse(io::read_bytes(folder + "/out/results.json"));
}

/// results.json less what measures time and memory.
inline std::string figures_of(const std::string& folder) {
  auto results = results_of(folder);
  for (auto& training : results["trainings"]) {
    training.erase("seconds");
    training.erase("peak_memory");
  }
  return results.dump();
}

inline std::string log_of(const std::string& folder) {
  const auto path = folder + "/out/log.txt";
  return std::filesystem::exists(path) ? io::read_bytes(path) : "";
}

/// How often log.txt has a word of each piece.
inline std::map<std::string, int> logged(const std::string& folder, const std::string& word) {
  std::map<std::string, int> counts;
  std::istringstream log(log_of(folder));
  for (std::string line; std::getline(log, line);) {
    std::istringstream fields(line);
    std::string time, what, piece;
    fields >> time >> what >> piece;
    if (!piece.empty() && piece.back() == ':') piece.pop_back();
    if (what == word) ++counts[piece];
  }
  return counts;
}

/// A configuration's rows and seeds, of which several share their pieces.
inline const nlohmann::json kFewRows = {{"rows", {"xlm-r", "madx", "keep-source"}}, {"seeds", {1}}};

}  // namespace madx::apps

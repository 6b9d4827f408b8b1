#include "apps/run/run_state.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/run/recipe_json.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/io/write_file.h"

namespace madx::apps {

NLOHMANN_JSON_SERIALIZE_ENUM(RunState::Stage, {{RunState::Stage::kTraining, "training"},
                                               {RunState::Stage::kTrained, "trained"},
                                               {RunState::Stage::kComplete, "complete"}})

namespace {
std::string state_path(const std::string& directory) { return directory + "/run.json"; }
}  // namespace

std::optional<RunState> read_run_state(const std::string& directory) {
  const auto path = state_path(directory);
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(read_bytes(path, "the state of a run"));
    RunState state;
    json.at("program").get_to(state.program);
    json.at("stage").get_to(state.stage);
    if (nlohmann::json(state.stage) != json["stage"]) {  // what is unknown becomes the first one
      input_error(path, ": expected the stage training, trained or complete, but found ",
                  json["stage"].dump(), "; name another output, or move this one away");
    }
    json.at("training").get_to(state.training);
    json.at("scoring").get_to(state.scoring);
    json.at("figures").get_to(state.figures);
    return state;
  } catch (const nlohmann::json::exception& error) {
    input_error(path, ": expected the state of a run, but it cannot be read (", error.what(),
                "); name another output, or move this one away");
  }
}

void write_run_state(const std::string& directory, const RunState& state) {
  const nlohmann::json json = {{"program", state.program},
                               {"stage", state.stage},
                               {"training", state.training},
                               {"scoring", state.scoring},
                               {"figures", state.figures}};
  // Paths may be in any encoding, and tell nothing but where a file was.
  const auto text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  io::write_file(state_path(directory), text + "\n");
}

}  // namespace madx::apps

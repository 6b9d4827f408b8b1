#include "apps/run/checkpoint_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/run/metrics_log.h"
#include "apps/run/recipe_json.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/io/new_directory.h"
#include "madx/io/safetensors.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

constexpr auto kState = "/state.json";

void write_tensors(const std::string& path, const NamedTensors& tensors) {
  TensorMap map;
  for (const auto& [name, tensor] : tensors) map.insert(name, tensor.detach().cpu().contiguous());
  io::write_safetensors(path, map);
}

constexpr const char* kStartAnew = "; start anew with another --output, or remove this one";

NamedTensors read_tensors(const std::string& path) {
  NamedTensors tensors;
  // Copied out of the mapped file: the next checkpoint replaces it.
  for (const auto& item : io::read_safetensors(path))
    tensors.emplace_back(item.key(), item.value().clone());
  return tensors;
}

int64_t count_of(const nlohmann::json& state, const char* key, const std::string& path) {
  const auto& value = state.at(key);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX) {
    input_error(path, ": expected the state of a checkpoint, with a count as \"", key,
                "\", but found ", value.dump(), kStartAnew);
  }
  return static_cast<int64_t>(value.get<uint64_t>());
}

}  // namespace

void write_checkpoint(const std::string& directory, const Checkpoint& checkpoint,
                      const Recipe& recipe) {
  io::NewDirectory output(directory, io::ExistingDirectory::kReplace);
  write_tensors(output.path() + "/tensors.safetensors", checkpoint.tensors);
  write_tensors(output.path() + "/first_moments.safetensors", checkpoint.first_moments);
  write_tensors(output.path() + "/second_moments.safetensors", checkpoint.second_moments);
  write_tensors(output.path() + "/tensor_steps.safetensors", checkpoint.tensor_steps);
  nlohmann::json state = {{"step", checkpoint.step},
                          {"recipe", recipe},
                          {"seconds", checkpoint.seconds},
                          {"loss", checkpoint.loss},
                          {"unlogged_loss", checkpoint.unlogged_loss},
                          {"unlogged_steps", checkpoint.unlogged_steps},
                          {"unlogged_tokens", checkpoint.unlogged_tokens},
                          {"tokens", checkpoint.tokens}};
  if (checkpoint.best_score) {
    write_tensors(output.path() + "/best.safetensors", checkpoint.best_tensors);
    state["best_score"] = *checkpoint.best_score;
    state["best_figures"] = nlohmann::json::parse(metrics_line(checkpoint.best_figures.value()));
  }
  if (checkpoint.averaged > 0) {
    write_tensors(output.path() + "/sums.safetensors", checkpoint.tensor_sums);
    state["averaged"] = checkpoint.averaged;
  }
  io::write_file(output.path() + kState, state.dump(2));
  output.commit();
}

Checkpoint read_checkpoint(const std::string& directory, const Recipe& recipe) {
  const auto path = directory + kState;
  Checkpoint checkpoint;
  try {
    const auto state = nlohmann::json::parse(read_bytes(path, "the state of a checkpoint"));
    const auto difference = recipe_difference(state.at("recipe").get<Recipe>(), recipe);
    if (!difference.empty()) {
      input_error(path, ": the interrupted run had ", difference,
                  "; resume with the same flags, or start anew with another --output");
    }
    checkpoint.step = count_of(state, "step", path);
    checkpoint.seconds = state.at("seconds").get<double>();
    checkpoint.loss = state.at("loss").get<double>();
    checkpoint.unlogged_loss = state.at("unlogged_loss").get<double>();
    checkpoint.unlogged_steps = count_of(state, "unlogged_steps", path);
    checkpoint.unlogged_tokens = count_of(state, "unlogged_tokens", path);
    checkpoint.tokens = count_of(state, "tokens", path);
    if (state.contains("best_score")) {
      checkpoint.best_score = state["best_score"].get<double>();
      checkpoint.best_figures = parse_metrics_line(state.at("best_figures").dump());
    }
    if (state.contains("averaged")) checkpoint.averaged = count_of(state, "averaged", path);
  } catch (const nlohmann::json::exception& error) {
    input_error(path, ": expected the state of a checkpoint, but it cannot be read (", error.what(),
                ")", kStartAnew);
  }
  checkpoint.tensors = read_tensors(directory + "/tensors.safetensors");
  checkpoint.first_moments = read_tensors(directory + "/first_moments.safetensors");
  checkpoint.second_moments = read_tensors(directory + "/second_moments.safetensors");
  checkpoint.tensor_steps = read_tensors(directory + "/tensor_steps.safetensors");
  if (checkpoint.best_score) {
    checkpoint.best_tensors = read_tensors(directory + "/best.safetensors");
  }
  if (checkpoint.averaged > 0) {
    checkpoint.tensor_sums = read_tensors(directory + "/sums.safetensors");
  }
  return checkpoint;
}

bool has_checkpoint(const std::string& directory) {
  return std::filesystem::exists(directory + kState);
}

}  // namespace madx::apps

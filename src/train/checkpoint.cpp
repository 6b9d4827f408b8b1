#include "madx/train/checkpoint.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "madx/core/error.h"
#include "madx/io/new_directory.h"
#include "madx/io/safetensors.h"
#include "madx/io/write_file.h"

namespace madx {
namespace {

constexpr auto kState = "/state.json";

void write_tensors(const std::string& path, const NamedTensors& tensors) {
  io::TensorMap map;
  for (const auto& [name, tensor] : tensors) map.insert(name, tensor.detach().cpu().contiguous());
  io::write_safetensors(path, map);
}

NamedTensors read_tensors(const std::string& path) {
  NamedTensors tensors;
  // Copied out of the mapped file: the next checkpoint replaces it.
  for (const auto& item : io::read_safetensors(path))
    tensors.emplace_back(item.key(), item.value().clone());
  return tensors;
}

void check_settings(const std::string& path, const nlohmann::json& found,
                    const std::map<std::string, std::string>& settings) {
  for (const auto& [flag, value] : settings) {
    const auto before = found.value(flag, std::string("nothing"));
    if (before != value) {
      input_error(path, ": the interrupted run had ", flag, " ", before, ", but this one has ",
                  value, "; resume with the same flags, or start anew without --resume");
    }
  }
}

}  // namespace

void write_checkpoint(const std::string& directory, const Checkpoint& checkpoint) {
  io::NewDirectory output(directory, io::ExistingDirectory::kReplace);
  write_tensors(output.path() + "/tensors.safetensors", checkpoint.tensors);
  write_tensors(output.path() + "/first_moments.safetensors", checkpoint.first_moments);
  write_tensors(output.path() + "/second_moments.safetensors", checkpoint.second_moments);
  nlohmann::json state = {{"step", checkpoint.step},
                          {"settings", checkpoint.settings},
                          {"seconds", checkpoint.seconds},
                          {"unlogged_loss", checkpoint.unlogged_loss},
                          {"unlogged_steps", checkpoint.unlogged_steps}};
  if (checkpoint.best_score) {
    write_tensors(output.path() + "/best.safetensors", checkpoint.best_tensors);
    state["best_score"] = *checkpoint.best_score;
    state["best_step"] = checkpoint.best_step;
  }
  write_file(output.path() + kState, state.dump(2));
  output.commit();
}

Checkpoint read_checkpoint(const std::string& directory,
                           const std::map<std::string, std::string>& settings) {
  const auto path = directory + kState;
  Checkpoint checkpoint;
  try {
    const auto state = nlohmann::json::parse(std::ifstream(path));
    check_settings(path, state.at("settings"), settings);
    checkpoint.step = state.at("step").get<int64_t>();
    checkpoint.seconds = state.at("seconds").get<double>();
    checkpoint.unlogged_loss = state.at("unlogged_loss").get<double>();
    checkpoint.unlogged_steps = state.at("unlogged_steps").get<int64_t>();
    if (state.contains("best_score")) {
      checkpoint.best_score = state["best_score"].get<double>();
      checkpoint.best_step = state.at("best_step").get<int64_t>();
    }
  } catch (const nlohmann::json::exception& error) {
    input_error(path, ": expected the state of a checkpoint, but it cannot be read (", error.what(),
                "); start anew without --resume");
  }
  checkpoint.settings = settings;
  checkpoint.tensors = read_tensors(directory + "/tensors.safetensors");
  checkpoint.first_moments = read_tensors(directory + "/first_moments.safetensors");
  checkpoint.second_moments = read_tensors(directory + "/second_moments.safetensors");
  if (checkpoint.best_score) {
    checkpoint.best_tensors = read_tensors(directory + "/best.safetensors");
  }
  return checkpoint;
}

bool has_checkpoint(const std::string& directory) {
  return std::filesystem::exists(directory + kState);
}

}  // namespace madx

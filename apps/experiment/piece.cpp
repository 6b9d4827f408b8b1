#include "apps/experiment/piece.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace madx::apps {
namespace {

/// Raised when what programs compute of the same flags and files changes.
constexpr auto kVersion = "1";

constexpr size_t kDigits = 12;  // of a digest, in a name

const std::set<std::string> kDecideNothing = {"--save-minutes", "--save-every", "--log-every",
                                              "--gradient-checkpointing", "--device"};

std::string with_dashes(std::string words) {
  std::replace(words.begin(), words.end(), ' ', '-');
  return words;
}

}  // namespace

PieceMaker::PieceMaker(Piece piece, Identified& identified)
    : piece_(std::move(piece)), identified_(identified) {
  piece_.recipe.settings["program"] = piece_.program;
  piece_.recipe.settings["version"] = kVersion;
}

void PieceMaker::set(const std::string& flag, const std::string& value) {
  piece_.arguments.insert(piece_.arguments.end(), {flag, value});
  auto& setting = piece_.recipe.settings[flag];
  setting += (setting.empty() ? "" : " ") + value;
}

void PieceMaker::set(const FlagValues& flags) {
  for (const auto& [flag, value] : flags) {
    if (is_path_flag(flag)) {
      for (const auto& path : value.values) read(flag, path);
      continue;
    }
    piece_.arguments.push_back(flag);
    piece_.arguments.insert(piece_.arguments.end(), value.values.begin(), value.values.end());
    if (kDecideNothing.count(flag) > 0) continue;
    auto& setting = piece_.recipe.settings[flag];
    for (const auto& word : value.values) setting += (setting.empty() ? "" : " ") + word;
  }
}

void PieceMaker::read(const std::string& flag, const std::string& path, const std::string& name) {
  piece_.arguments.push_back(flag);
  piece_.arguments.push_back(name.empty() ? path : name + "=" + path);
  const auto input = name.empty() ? flag : flag + " " + name;
  identify(input, path);
  // Training goes on with the head that an adapter to start from has beside it.
  const auto head = path + "/lm_head";
  if (flag == "--init-adapter" && std::filesystem::is_directory(head))
    identify(input + "/lm_head", head);
}

void PieceMaker::identify(const std::string& input, const std::string& path) {
  auto found = identified_.find(path);
  if (found == identified_.end()) {
    Recipe recipe;
    recipe.add_input("", path);
    found = identified_.emplace(path, recipe.inputs[""]).first;
  }
  auto& files = piece_.recipe.inputs[input];
  files.insert(files.end(), found->second.begin(), found->second.end());
}

void PieceMaker::read_piece(const std::string& flag, size_t index, const Piece& piece,
                            const std::string& store, const std::string& part,
                            const std::string& name) {
  const auto path = store + "/" + piece.name + part;
  piece_.arguments.push_back(flag);
  piece_.arguments.push_back(name.empty() ? path : name + "=" + path);
  piece_.recipe.settings[name.empty() ? flag : flag + " " + name] =
      recipe_digest(piece.recipe) + part;
  if (std::find(piece_.needs.begin(), piece_.needs.end(), index) == piece_.needs.end())
    piece_.needs.push_back(index);
}

Piece PieceMaker::finish(const std::string& label) {
  piece_.name = with_dashes(words_of(piece_.kind)) + "-" + label + "-" +
                recipe_digest(piece_.recipe).substr(0, kDigits);
  return std::move(piece_);
}

std::vector<std::string> command_of(const Piece& piece, const std::string& directory) {
  auto command = piece.arguments;
  command.insert(command.begin(), piece.program);
  command.insert(command.end(), {"--output", directory});
  return command;
}

}  // namespace madx::apps

#include "apps/run/recipe.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "madx/core/error.h"
#include "madx/core/system_failure.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_read(const std::string& path) {
  if (is_machine_failure(errno)) {
    machine_error(path, ": expected to read the file, but found: ", std::strerror(errno),
                  "; check the disk, and run the command again");
  }
  input_error(path, ": expected a file that can be read, but found: ", std::strerror(errno),
              "; check the path");
}

std::string in_hexadecimal(XXH128_hash_t hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  std::string text;
  for (const unsigned char byte : bytes.digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

InputFile identify(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) cannot_read(path);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       XXH3_freeState);
  XXH3_128bits_reset(state.get());
  InputFile found{path, 0, ""};
  std::vector<char> block(size_t{1} << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
    XXH3_128bits_update(state.get(), block.data(), static_cast<size_t>(file.gcount()));
    found.size += static_cast<uint64_t>(file.gcount());
  }
  if (file.bad()) cannot_read(path);
  found.digest = in_hexadecimal(XXH3_128bits_digest(state.get()));
  return found;
}

/// run.json tells of the run that made the model, not of the model.
bool holds_model(const fs::path& path) {
  if (path.filename() == "run.json") return false;
  constexpr const char* kEndings[] = {".json", ".bin", ".safetensors", ".pt", ".model", ".txt"};
  const auto ending = path.extension().string();
  return std::any_of(std::begin(kEndings), std::end(kEndings),
                     [&](const char* known) { return ending == known; });
}

bool same(const std::vector<InputFile>& a, const std::vector<InputFile>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.size == y.size && x.digest == y.digest;
  });
}

std::string described(const std::vector<InputFile>& files) {
  std::string text;
  for (const auto& file : files) {
    text += (text.empty() ? "" : ", ") + file.path + " (" + std::to_string(file.size) +
            " bytes, digest " + file.digest.substr(0, 8) + ")";
  }
  return text.empty() ? "nothing" : text;
}

/// The first of two lists' files that is not the same in both, as a list; empty where one ends.
std::vector<InputFile> first_difference(const std::vector<InputFile>& of,
                                        const std::vector<InputFile>& other) {
  for (size_t i = 0; i < of.size(); ++i) {
    if (i >= other.size() || !same({of[i]}, {other[i]})) return {of[i]};
  }
  return {};
}

std::string differs(const std::string& flag, const std::string& before, const std::string& now) {
  return flag + " " + before + ", but this one has " + now;
}

}  // namespace

void Recipe::add_input(const std::string& flag, const std::string& path) {
  auto& files = inputs[flag];
  if (!fs::is_directory(path)) {
    files.push_back(identify(path));
    return;
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file() && holds_model(entry.path())) names.push_back(entry.path());
  }
  std::sort(names.begin(), names.end());
  for (const auto& name : names) files.push_back(identify(name));
}

std::string recipe_digest(const Recipe& recipe) {
  nlohmann::json content = {{"settings", recipe.settings}};
  for (const auto& [flag, files] : recipe.inputs)
    for (const auto& file : files) content["inputs"][flag].push_back(file.digest);
  const auto text = content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return in_hexadecimal(XXH3_128bits(text.data(), text.size()));
}

std::string recipe_difference(const Recipe& before, const Recipe& now) {
  const auto value = [](const auto& map, const std::string& flag) {
    const auto found = map.find(flag);
    return found == map.end() ? std::string("nothing") : found->second;
  };
  auto settings = before.settings;
  settings.insert(now.settings.begin(), now.settings.end());
  for (const auto& [flag, unused] : settings) {
    const auto then = value(before.settings, flag), today = value(now.settings, flag);
    if (then != today) return differs(flag, then, today);
  }
  auto inputs = before.inputs;
  inputs.insert(now.inputs.begin(), now.inputs.end());
  const std::vector<InputFile> none;
  const auto files = [&](const Recipe& recipe, const std::string& flag) {
    const auto found = recipe.inputs.find(flag);
    return found == recipe.inputs.end() ? none : found->second;
  };
  for (const auto& [flag, unused] : inputs) {
    const auto then = files(before, flag), today = files(now, flag);
    if (same(then, today)) continue;
    return differs(flag, described(first_difference(then, today)),
                   described(first_difference(today, then)));
  }
  return "";
}

}  // namespace madx::apps

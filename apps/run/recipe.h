#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace madx::apps {

/// A file that a run reads, known again by its content.
struct InputFile {
  std::string path;
  uint64_t size = 0;   ///< bytes
  std::string digest;  ///< XXH3 of 128 bits, in hexadecimal
};

/// All that decides what a run computes: the values in force, defaults included, and the files that
/// it reads, both by the name of their flag. Two runs of one recipe give the same bits on one kind
/// of processor with as many threads: gradients are summed by thread.
struct Recipe {
  std::map<std::string, std::string> settings;
  std::map<std::string, std::vector<InputFile>> inputs;

  /// Adds a file, or the files of a directory that hold models: those that end in .json, .bin,
  /// .safetensors, .pt, .model or .txt, run.json apart. Reads them once. Throws InputError where
  /// one cannot be read.
  void add_input(const std::string& flag, const std::string& path);
};

/// XXH3 of 128 bits, in hexadecimal, of the settings and of the content of the inputs: where files
/// lie does not count.
std::string recipe_digest(const Recipe& recipe);

/// The first setting or input in which two recipes differ, in words ("--lr 0.001, but this one
/// has 0.01"); empty where they are the same. Files may have moved: their content counts.
std::string recipe_difference(const Recipe& before, const Recipe& now);

}  // namespace madx::apps

#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "apps/run/recipe.h"
#include "madx/models/encoder.h"
#include "madx/train/rank_group.h"

namespace madx::apps {

/// Where the work runs.
struct DeviceFlags {
  int threads = 0;
  std::string device = "auto";
  std::string dtype = "float32";

  void add_to(CLI::App& app);
  /// --threads and --device, without --dtype: for a program that runs every form of a weight.
  void add_place_to(CLI::App& app);
  /// --threads alone: for a program of the CPU.
  void add_threads_to(CLI::App& app);
  /// Sets the number of threads and returns the device: of several ranks on GPUs, which all of them
  /// call, this one's. Throws InputError for one that this build or machine has not, also beside
  /// several ranks, and for a --dtype that there is no use in.
  at::Device apply(RankGroup& ranks = one_process()) const;
  /// Adds what decides a run's results.
  void describe(Recipe& recipe) const { recipe.settings["--dtype"] = dtype; }
  /// How the encoder's weights are kept for work on `device`, which `apply` returned.
  WeightForm weight_form(at::Device device) const;
};

}  // namespace madx::apps

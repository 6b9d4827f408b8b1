#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace madx {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// What a training run needs to go on exactly: the tensors that learn, the optimizer's two moments
/// of each, and the best evaluation so far. Everything random is a function of seed and step.
struct Checkpoint {
  int64_t step = 0;  ///< steps done
  std::map<std::string, std::string> settings;
  NamedTensors tensors;
  NamedTensors first_moments;
  NamedTensors second_moments;
  std::optional<double> best_score;
  int64_t best_step = 0;  ///< where it was measured
  NamedTensors best_tensors;
  double unlogged_loss = 0;    ///< sum over the steps since the last logged one
  int64_t unlogged_steps = 0;  ///< how many those are
  double seconds = 0;          ///< of training so far
};

/// Writes `directory` whole or not at all, in place of an older one.
void write_checkpoint(const std::string& directory, const Checkpoint& checkpoint);

/// Throws InputError when a file is missing or damaged, or when `settings` differ from the
/// checkpoint's, naming the flag.
Checkpoint read_checkpoint(const std::string& directory,
                           const std::map<std::string, std::string>& settings);

bool has_checkpoint(const std::string& directory);

}  // namespace madx

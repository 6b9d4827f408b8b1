#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/train/metrics_row.h"

namespace madx {

/// Tensors by names that are stable between runs.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// What a training run needs to go on exactly: the tensors that learn, the optimizer's state of
/// each, the best evaluation so far, and the sums of what is averaged. Everything random, and what
/// else moves during training (learning rate, a fusion's temperature), is a function of seed and
/// step.
struct Checkpoint {
  int64_t step = 0;                        ///< steps done
  NamedTensors tensors;                    ///< that learn
  NamedTensors first_moments;              ///< of AdamW
  NamedTensors second_moments;             ///< of AdamW
  NamedTensors tensor_steps;               ///< (): updates of each tensor
  std::optional<double> best_score;        ///< where there was an evaluation
  std::optional<MetricsRow> best_figures;  ///< what was logged where it was measured
  NamedTensors best_tensors;               ///< as they were there
  NamedTensors tensor_sums;     ///< in double, of the tensors after each step that is averaged
  int64_t averaged = 0;         ///< how many steps those are
  double loss = 0;              ///< mean at the last logged step
  double unlogged_loss = 0;     ///< sum over the steps since the last logged one
  int64_t unlogged_steps = 0;   ///< how many those are
  int64_t unlogged_tokens = 0;  ///< read in them
  int64_t tokens = 0;           ///< read so far
  double seconds = 0;           ///< of training so far
};

}  // namespace madx

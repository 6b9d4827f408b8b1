#pragma once

#include <cstdint>
#include <vector>

#include "madx/cuda/device.h"

namespace madx::cuda {

/// F or G of a coupling, target += sign (U act(D source)), row-major, dense, on the device. In a
/// backward pass `down` is U transposed and `up` is D transposed, and there are no biases.
struct CouplingNet {
  const void* down = nullptr;       ///< (bottleneck, source columns)
  const void* down_bias = nullptr;  ///< (bottleneck)
  const void* up = nullptr;         ///< (target columns, bottleneck)
  const void* up_bias = nullptr;    ///< (target columns)
  int64_t bottleneck = 0;           ///< size between the two layers
  const void* z = nullptr;  ///< backward: (rows of the group, bottleneck), what forward kept
  void* kept = nullptr;     ///< (rows of the group, bottleneck): act(D source); null: not wanted
};

/// Neighbouring rows with the same functions.
struct CouplingGroup {
  int64_t rows = 0;    ///< how many
  CouplingNet first;   ///< acts before the other
  CouplingNet second;  ///< acts on its result
};

/// Two steps, each of which changes one half of a row by a function of the other; see
/// ops/coupling.h. The low half has hidden / 2 columns.
struct CouplingProblem {
  Type type = Type::kFloat;           ///< of all pointers
  const void* x = nullptr;            ///< (rows, hidden)
  void* out = nullptr;                ///< (rows, hidden), not x
  int64_t rows = 0;                   ///< of all groups
  int64_t hidden = 0;                 ///< hidden size
  bool low_first = true;              ///< which half the first step changes
  double sign = 1;                    ///< 1: couple; -1: its inverse
  bool backward = false;              ///< act: relu; in a backward pass, what is left where z > 0
  std::vector<CouplingGroup> groups;  ///< in order of rows
};

/// In one launch, or one for each 24 groups. On `stream`, without waiting for it; may be captured
/// in a CUDA graph. Throws MachineError when CUDA refuses a launch.
void coupling(const CouplingProblem& problem, void* stream);

}  // namespace madx::cuda

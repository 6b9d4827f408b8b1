#pragma once

#include <cstdint>

namespace madx {

/// The factor on the peak learning rate at `step` (from 0): linear warm-up, then linear decay to 0
/// at `steps`.
double warmup_linear_decay(int64_t step, int64_t warmup_steps, int64_t steps);

}  // namespace madx

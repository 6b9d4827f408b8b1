#include "madx/train/schedule.h"

#include <algorithm>

namespace madx {

double warmup_linear_decay(int64_t step, int64_t warmup_steps, int64_t steps) {
  if (step < warmup_steps) return static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  return static_cast<double>(steps - step) /
         static_cast<double>(std::max<int64_t>(1, steps - warmup_steps));
}

}  // namespace madx

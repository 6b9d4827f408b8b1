#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace madx::detail {

/// Seconds on a clock that never goes back.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What has gathered since the last logged step.
struct Interval {
  double loss = 0;
  int64_t steps = 0;
  int64_t tokens = 0;
  int64_t timed_tokens = 0;  ///< since `since`: a resumed run has its own time
  double since = now();

  double mean_loss() const { return loss / static_cast<double>(steps); }
  double tokens_per_second() const {
    return static_cast<double>(timed_tokens) / std::max(1e-9, now() - since);
  }
};

}  // namespace madx::detail

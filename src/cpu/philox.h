#pragma once

#include <cstdint>

#include "madx/core/philox.h"

namespace madx::cpu::MADX_CAPABILITY {

using Philox = PhiloxWords<uint64_t>;

/// Dropout of one tensor: each element is dropped with probability p, as a function of seed, row
/// and column. 0 <= p < 1, rounded as dropout_threshold says.
class Dropout {
 public:
  Dropout(double p, uint64_t seed)
      : seed_(seed),
        threshold_(dropout_threshold(p)),
        scale_(dropout_factor(threshold_)),
        active_(threshold_ > 0) {}
  bool active() const { return active_; }

  /// Factors (0, or 1 over the probability to be kept) of columns [0, count) of a row.
  void row(uint64_t index, int64_t count, float* factors) const;

 private:
  uint64_t seed_;
  uint32_t threshold_;
  float scale_;
  bool active_;
};

/// The number of a row, which its dropout is a function of.
inline uint64_t row_number(const int64_t* numbers, int64_t row) {
  return static_cast<uint64_t>(numbers == nullptr ? row : numbers[row]);
}

}  // namespace madx::cpu::MADX_CAPABILITY

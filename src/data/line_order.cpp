#include "madx/data/line_order.h"

#include <numeric>
#include <utility>

#include "madx/data/masking.h"

namespace madx {

LineOrder::LineOrder(size_t size, std::initializer_list<uint64_t> seeds)
    : size_(size), key_(mix_seeds(seeds)) {
  if (size > kTable) {
    while (size_t{1} << (2 * half_bits_) < size) ++half_bits_;
    return;
  }
  table_.resize(size);
  std::iota(table_.begin(), table_.end(), 0U);
  RandomStream random(key_);
  for (auto left = static_cast<int64_t>(size); left > 1; --left)
    std::swap(table_[static_cast<size_t>(left - 1)],
              table_[static_cast<size_t>(random.below(left))]);
}

// Each round changes one half by a function of the other, so that the four together are one to one
// over all numbers of 2 x half_bits_; less than four visits in the mean end inside.
size_t LineOrder::walk(size_t i) const {
  constexpr uint64_t kRounds = 4;
  const uint64_t half = (uint64_t{1} << half_bits_) - 1;
  do {
    uint64_t high = i >> half_bits_, low = i & half;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t changed = high ^ (mix_seeds({key_, round, low}) & half);
      high = std::exchange(low, changed);
    }
    i = high << half_bits_ | low;
  } while (i >= size_);
  return i;
}

}  // namespace madx

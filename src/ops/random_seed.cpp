#include "madx/ops/random_seed.h"

#include <ATen/CPUGeneratorImpl.h>

#include <mutex>

namespace madx::ops {

uint64_t random_seed() {
  return static_cast<uint64_t>(at::empty({1}, at::kLong).random_().item<int64_t>());
}

TemporarySeed::TemporarySeed(uint64_t seed) : generator_(at::detail::getDefaultCPUGenerator()) {
  const std::lock_guard<std::mutex> lock(generator_.mutex());
  before_ = generator_.get_state();
  generator_.set_current_seed(seed);
}

TemporarySeed::~TemporarySeed() {
  const std::lock_guard<std::mutex> lock(generator_.mutex());
  generator_.set_state(before_);
}

}  // namespace madx::ops

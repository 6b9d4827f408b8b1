#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cstdint>
#include <mutex>

namespace madx::ops {

/// A seed for one call of an op that draws its own random numbers, from LibTorch's CPU generator:
/// `torch::manual_seed` governs it.
inline uint64_t random_seed() {
  return static_cast<uint64_t>(at::empty({1}, at::kLong).random_().item<int64_t>());
}

/// LibTorch's CPU generator draws from `seed` while this lives, and then goes on where it was: a
/// file that names a seed has no say in what a program draws.
class TemporarySeed {
 public:
  /// Seeds the generator until the end of the block.
  explicit TemporarySeed(uint64_t seed) {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    before_ = generator_.get_state();
    generator_.set_current_seed(seed);
  }
  ~TemporarySeed() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(before_);
  }
  TemporarySeed(const TemporarySeed&) = delete;
  TemporarySeed& operator=(const TemporarySeed&) = delete;

 private:
  at::Generator generator_ = at::detail::getDefaultCPUGenerator();
  at::Tensor before_;
};

}  // namespace madx::ops

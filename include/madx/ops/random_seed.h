#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace madx::ops {

/// A seed for one call of an op that draws its own random numbers, from LibTorch's CPU generator:
/// `torch::manual_seed` governs it.
uint64_t random_seed();

/// LibTorch's CPU generator draws from `seed` while this lives, and then goes on where it was: a
/// file that names a seed has no say in what a program draws.
class TemporarySeed {
 public:
  /// Seeds the generator until the end of the block.
  explicit TemporarySeed(uint64_t seed);
  ~TemporarySeed();
  TemporarySeed(const TemporarySeed&) = delete;
  TemporarySeed& operator=(const TemporarySeed&) = delete;

 private:
  at::Generator generator_;
  at::Tensor before_;
};

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace madx::ops {

/// A seed for one call of an op that draws its own random numbers, from LibTorch's CPU generator:
/// `torch::manual_seed` governs it.
inline uint64_t random_seed() {
  return static_cast<uint64_t>(at::empty({1}, at::kLong).random_().item<int64_t>());
}

}  // namespace madx::ops

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace madx::cpu {

/// Memory that starts with a cache line. What was returned last is kept for the next call, up to
/// 32 MB of it: fresh from the system at each call, a kernel's working memory would cost a page
/// fault for each 4 KB, and would never be in cache.
class ScratchMemory {
 public:
  explicit ScratchMemory(size_t bytes);
  ScratchMemory(ScratchMemory&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}
  ScratchMemory& operator=(ScratchMemory&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~ScratchMemory() { release(); }
  void* get() const { return memory_; }

 private:
  void release();
  void* memory_;
  size_t bytes_;  // at least as many as were wanted
};

/// Floats; what a kernel works in. Zeros, where not everything that is read is written before:
/// zeros cost a pass over the memory on the one thread that makes them.
class Scratch {
 public:
  enum class Start { kZeros, kAnything };
  explicit Scratch(int64_t size, Start start = Start::kZeros)
      : memory_(static_cast<size_t>(size) * sizeof(float)) {
    if (start == Start::kZeros) std::fill_n(data(), size, 0.0f);
  }
  float* data() { return static_cast<float*>(memory_.get()); }
  const float* data() const { return static_cast<const float*>(memory_.get()); }

 private:
  ScratchMemory memory_;
};

}  // namespace madx::cpu

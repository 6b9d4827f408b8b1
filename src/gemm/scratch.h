#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace madx::gemm {

/// Memory that starts with a cache line. What a thread returned last is kept for its next call, up
/// to 16 MB until it ends: fresh from the system at each call, a kernel's working memory would cost
/// a page fault for each 4 KB, and would never be in cache. Another thread may return it.
class ScratchMemory {
 public:
  explicit ScratchMemory(size_t bytes);
  ScratchMemory(ScratchMemory&& other) noexcept;
  ScratchMemory& operator=(ScratchMemory&& other) noexcept;
  ~ScratchMemory();
  void* get() const { return memory_; }

 private:
  void* memory_;
  size_t bytes_;  // at least as many as were wanted
};

namespace MADX_CAPABILITY {

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

}  // namespace MADX_CAPABILITY

}  // namespace madx::gemm

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

namespace madx::cpu {

/// Floats at the start of a cache line; what a kernel works in. Zeros, where not everything that is
/// read is written before: zeros cost a pass over new pages on the one thread that makes them.
class Scratch {
 public:
  enum class Start { kZeros, kAnything };
  explicit Scratch(int64_t size, Start start = Start::kZeros)
      : data_(static_cast<float*>(::operator new(bytes(size), std::align_val_t(kLine)))) {
    if (start == Start::kZeros) std::fill_n(data_.get(), size, 0.0f);
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  static constexpr size_t kLine = 64;
  static size_t bytes(int64_t size) { return static_cast<size_t>(size) * sizeof(float); }
  struct Free {
    void operator()(float* data) const { ::operator delete(data, std::align_val_t(kLine)); }
  };
  std::unique_ptr<float, Free> data_;
};

}  // namespace madx::cpu

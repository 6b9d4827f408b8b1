#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

namespace madx::cpu {

/// Zeroed floats at the start of a cache line; what a kernel works in.
class Scratch {
 public:
  explicit Scratch(int64_t size)
      : data_(static_cast<float*>(::operator new(bytes(size), std::align_val_t(kLine)))) {
    std::fill_n(data_.get(), size, 0.0f);
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

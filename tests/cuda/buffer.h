#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "emulation/half.h"
#include "madx/cuda/device.h"
#ifdef MADX_ON_DEVICE
#include <cuda_runtime.h>
#else
#include "emulation/memory.h"
#endif

namespace madx::cuda {

using Values = std::vector<double>;

inline int64_t bytes_of(Type type) { return type == Type::kFloat ? 4 : 2; }

/// The value of `type` next to x.
inline double rounded_to(Type type, double x) {
  const auto value = static_cast<float>(x);
  switch (type) {
    case Type::kHalf:
      return emulation::half_to_float(emulation::float_to_half(value));
    case Type::kBFloat16:
      return emulation::float_of(static_cast<uint32_t>(emulation::float_to_bfloat16(value)) << 16);
    case Type::kFloat:
      break;
  }
  return value;
}

inline Values random_values(Type type, int64_t size, double scale, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  Values values(static_cast<size_t>(size));
  for (auto& value : values) value = rounded_to(type, normal(generator));
  return values;
}

/// An array in the memory that kernels see, of a type, between two canaries. In emulation that is
/// declared memory, so that reads outside fail too.
class Buffer {
 public:
  enum Use { kInput, kOutput };
  /// Elements by which arrays start later than at a multiple of 128 bits.
  static inline int64_t shift = 0;

  Buffer(const char* name, Type type, const Values& values, Use use)
      : name_(name),
        type_(type),
        size_(values.size()),
        start_(kMargin + static_cast<size_t>(shift * bytes_of(type))),
        memory_(start_ + bytes() + kMargin, kCanary) {
    for (size_t i = 0; i < size_; ++i) put(i, values[i]);
#ifdef MADX_ON_DEVICE
    EXPECT_EQ(cudaMalloc(&device_, memory_.size()), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(device_, memory_.data(), memory_.size(), cudaMemcpyHostToDevice),
              cudaSuccess);
#else
    declared_ = std::make_unique<emulation::DeclaredMemory>(
        name, data(), static_cast<int64_t>(bytes()), use == kInput);
#endif
  }
  /// An output of this many elements, NaN until a kernel writes them.
  Buffer(const char* name, Type type, int64_t size)
      : Buffer(name, type, Values(static_cast<size_t>(size), std::nan("")), kOutput) {}
#ifdef MADX_ON_DEVICE
  ~Buffer() { cudaFree(device_); }
#endif
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() {
#ifdef MADX_ON_DEVICE
    return static_cast<unsigned char*>(device_) + start_;
#else
    return memory_.data() + start_;
#endif
  }
  Type type() const { return type_; }
  float* floats() { return static_cast<float*>(data()); }

  Values values() {
    fetch();
    Values all(size_);
    for (size_t i = 0; i < size_; ++i) all[i] = get(i);
    return all;
  }

  void expect_canaries() {
    fetch();
    for (size_t i = 0; i < kMargin; ++i) {
      ASSERT_EQ(memory_[i], kCanary) << "before " << name_;
      ASSERT_EQ(memory_[start_ + bytes() + i], kCanary) << "behind " << name_;
    }
  }

 private:
  static constexpr size_t kMargin = 256;
  static constexpr unsigned char kCanary = 0xA5;

  size_t bytes() const { return size_ * static_cast<size_t>(bytes_of(type_)); }
  unsigned char* at(size_t i) {
    return memory_.data() + start_ + i * static_cast<size_t>(bytes_of(type_));
  }
  void put(size_t i, double value) {
    const auto single = static_cast<float>(value);
    if (type_ == Type::kFloat) {
      std::memcpy(at(i), &single, 4);
    } else {
      const uint16_t bits = type_ == Type::kHalf ? emulation::float_to_half(single)
                                                 : emulation::float_to_bfloat16(single);
      std::memcpy(at(i), &bits, 2);
    }
  }
  double get(size_t i) {
    if (type_ == Type::kFloat) {
      float value;
      std::memcpy(&value, at(i), 4);
      return value;
    }
    uint16_t bits;
    std::memcpy(&bits, at(i), 2);
    return type_ == Type::kHalf ? emulation::half_to_float(bits)
                                : emulation::float_of(static_cast<uint32_t>(bits) << 16);
  }
  void fetch() {
#ifdef MADX_ON_DEVICE
    EXPECT_EQ(cudaMemcpy(memory_.data(), device_, memory_.size(), cudaMemcpyDeviceToHost),
              cudaSuccess);
#endif
  }

  const char* name_;
  Type type_;
  size_t size_, start_;
  // 128-bit words: vector<unsigned char> alone starts at a multiple of 16.
  std::vector<unsigned char> memory_;
#ifdef MADX_ON_DEVICE
  void* device_ = nullptr;
#else
  std::unique_ptr<emulation::DeclaredMemory> declared_;
#endif
};

/// Why kernels cannot run here; null where they can. In emulation they always can.
inline const char* no_device() {
#ifdef MADX_ON_DEVICE
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return "there is no CUDA device";
#endif
  return nullptr;
}

/// Of `ours` and of `plain`, computed in `type` with every operation's result rounded, the root of
/// the mean square error: ours may have twice plain's, and as much as rounding once leaves (in
/// fp32, where sums in another order matter as much, eight times that).
inline void expect_twice_the_error_at_most(Type type, const Values& ours, const Values& plain,
                                           const Values& exact, const char* what) {
  ASSERT_EQ(ours.size(), exact.size()) << what;
  double our_error = 0, plain_error = 0, size = 0, our_size = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    our_error += (ours[i] - exact[i]) * (ours[i] - exact[i]);
    plain_error += (plain[i] - exact[i]) * (plain[i] - exact[i]);
    size += exact[i] * exact[i];
    our_size += ours[i] * ours[i];
  }
  const double rounding = type == Type::kFloat ? 0x1p-21 : type == Type::kHalf ? 0x1p-12 : 0x1p-9;
  // Negated, so that a NaN fails.
  EXPECT_TRUE(std::sqrt(our_error) <= 2 * std::sqrt(plain_error) + rounding * std::sqrt(size))
      << what << ": error " << std::sqrt(our_error / size) << ", plain "
      << std::sqrt(plain_error / size);
  if (size > 0) {
    EXPECT_GT(our_size, 0) << what;
  }
}

/// NaN where `plain` has NaN, and nowhere else.
inline void expect_same_nan(const Values& ours, const Values& plain, const char* what) {
  ASSERT_EQ(ours.size(), plain.size()) << what;
  for (size_t i = 0; i < plain.size(); ++i)
    ASSERT_EQ(std::isnan(ours[i]), std::isnan(plain[i])) << what << ", element " << i;
}

}  // namespace madx::cuda

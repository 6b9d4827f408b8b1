#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace madx::gemm {

/// Plain memory that does what AMX's tiles do, for kernels that are templates over their
/// instructions (src/gemm/amx_instructions.h): every address and the order of all sums are those of
/// a processor with AMX.
struct EmulatedMemory {
  static constexpr int kSize = 16, kBytes = 64;
  static inline uint8_t memory[8][kSize][kBytes];

  template <int kTile>
  static void zero() {
    std::memset(memory[kTile], 0, sizeof memory[kTile]);
  }
  template <int kTile>
  static void load(const void* from, int64_t stride) {
    for (int row = 0; row < kSize; ++row)
      std::memcpy(memory[kTile][row], static_cast<const char*>(from) + row * stride, kBytes);
  }
  template <int kTile>
  static void store(void* to, int64_t stride) {
    for (int row = 0; row < kSize; ++row)
      std::memcpy(static_cast<char*>(to) + row * stride, memory[kTile][row], kBytes);
  }
};

struct EmulatedInt8 : EmulatedMemory {
  template <int kSums, int kA, int kB>
  static void multiply() {
    for (int row = 0; row < kSize; ++row) {
      for (int column = 0; column < kSize; ++column) {
        int32_t sum;
        std::memcpy(&sum, memory[kSums][row] + 4 * column, sizeof sum);
        for (int k = 0; k < kBytes; ++k) {
          sum += int32_t{memory[kA][row][k]} *
                 static_cast<int8_t>(memory[kB][k / 4][4 * column + k % 4]);
        }
        std::memcpy(memory[kSums][row] + 4 * column, &sum, sizeof sum);
      }
    }
  }
};

/// Sums of the even elements and of the odd ones, then both together; numbers below 2^-126 are 0.
struct EmulatedBfloat16 : EmulatedMemory {
  template <int kSums, int kA, int kB>
  static void multiply() {
    for (int row = 0; row < kSize; ++row) {
      float even[kSize] = {}, odd[kSize] = {}, sums[kSize];
      for (int pair = 0; pair < kSize; ++pair) {
        for (int column = 0; column < kSize; ++column) {
          const auto *const a = memory[kA][row] + 4 * pair, *const b =
                                                                memory[kB][pair] + 4 * column;
          even[column] = flushed(even[column] + element(a) * element(b));
          odd[column] = flushed(odd[column] + element(a + 2) * element(b + 2));
        }
      }
      std::memcpy(sums, memory[kSums][row], sizeof sums);
      for (int i = 0; i < kSize; ++i) sums[i] = flushed(sums[i] + flushed(even[i] + odd[i]));
      std::memcpy(memory[kSums][row], sums, sizeof sums);
    }
  }

 private:
  static float flushed(float x) {
    return std::fabs(x) < std::numeric_limits<float>::min() ? 0.0f : x;
  }
  static float element(const uint8_t* from) {
    uint8_t bytes[4] = {0, 0, from[0], from[1]};
    float value;
    std::memcpy(&value, bytes, sizeof value);
    return flushed(value);
  }
};

}  // namespace madx::gemm

#pragma once

#include <algorithm>
#include <cstdint>

namespace madx::cpu::MADX_CAPABILITY {

inline void add_to(float* to, const float* from, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) to[i] += from[i];
}

inline void add_rows_to(float* to, const float* from, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; ++row) add_to(to, from + row * size, size);
}

/// z = relu(z + bias), z (rows, size)
inline void bias_and_relu(float* z, const float* bias, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; ++row) {
    float* const z_row = z + row * size;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) z_row[i] = std::max(z_row[i] + bias[i], 0.0f);
  }
}

}  // namespace madx::cpu::MADX_CAPABILITY

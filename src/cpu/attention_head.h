#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "cpu/exp.h"
#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "madx/cpu/attention.h"

namespace madx::cpu::MADX_CAPABILITY {

/// One head of one sequence: the work of one thread.
struct AttentionHead {
  int64_t q_first, q_count, k_first, k_count;
  int64_t column;  ///< its first one in all matrices
  int64_t index;   ///< among the heads
};

inline int64_t longest(const int64_t* offsets, int64_t sequences) {
  int64_t result = 0;
  for (int64_t s = 0; s < sequences; ++s) result = std::max(result, offsets[s + 1] - offsets[s]);
  return result;
}

/// Calls work(head) for all of them. `make_work` makes each thread its own `work`, scratch
/// included.
template <class MakeWork>
void for_each_head(const AttentionShape& shape, int threads, const MakeWork& make_work) {
  SharedPieces pieces(shape.sequences * shape.heads);
  parallel(threads, [&](Thread thread) {
    auto work = make_work();
    pieces.for_each(thread, [&](int64_t piece) {
      const auto* q = shape.q_offsets + piece / shape.heads;
      const auto* k = shape.k_offsets + piece / shape.heads;
      const auto head = piece % shape.heads;
      work(AttentionHead{q[0], q[1] - q[0], k[0], k[1] - k[0], head * shape.width, head});
    });
  });
}

/// `factor` times rows [first, first + count) of the head's columns, dense; then zeros up to
/// padded(count) rows.
inline void read_rows(ConstRows from, int64_t first, int64_t count, int64_t column, int64_t width,
                      float factor, float* __restrict__ to) {
  for (int64_t i = 0; i < count; ++i) {
    const float* row = from.data + (first + i) * from.stride + column;
    prefetch_ahead(row, from.stride, width);
    for (int64_t j = 0; j < width; ++j) to[i * width + j] = factor * row[j];
  }
  std::fill(to + count * width, to + padded(count) * width, 0.0f);
}

/// `factor` times dense rows into rows [first, first + count) of the head's columns.
inline void write_rows(const float* __restrict__ from, float factor, int64_t first, int64_t count,
                       int64_t column, int64_t width, Rows to) {
  for (int64_t i = 0; i < count; ++i) {
    float* row = to.data + (first + i) * to.stride + column;
    prefetch_ahead(row, to.stride, width);
    for (int64_t j = 0; j < width; ++j) row[j] = factor * from[i * width + j];
  }
}

/// Zeros into rows [first, first + count) of the head's columns.
inline void clear_rows(int64_t first, int64_t count, int64_t column, int64_t width, Rows to) {
  for (int64_t i = 0; i < count; ++i)
    std::fill_n(to.data + (first + i) * to.stride + column, width, 0.0f);
}

/// A query's scores -> exp(score - largest score), 0 for the keys that pad; returns their sum.
inline float exponentials(float* __restrict__ scores, int64_t keys) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const int64_t count = padded(keys);
  std::fill(scores + keys, scores + count, -kInfinity);
  float largest = -kInfinity, sum = 0;  // std::max would not be vector code
#pragma omp simd reduction(max : largest)
  for (int64_t j = 0; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) {
    scores[j] = fast_exp(scores[j] - largest);
    sum += scores[j];
  }
  return sum;
}

}  // namespace madx::cpu::MADX_CAPABILITY

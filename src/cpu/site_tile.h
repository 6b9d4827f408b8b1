#pragma once

#include <algorithm>

#include "cpu/layer_norm.h"
#include "cpu/philox.h"
#include "cpu/scratch.h"
#include "madx/cpu/adapter_site.h"

namespace madx::cpu {

inline void add_to(float* to, const float* from, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) to[i] += from[i];
}

inline void add_rows_to(float* to, const float* from, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; ++row) add_to(to, from + row * size, size);
}

inline int64_t widest_bottleneck(const SiteProblem& problem) {
  int64_t widest = 0;
  for (const auto& adapter : problem.adapters) widest = std::max(widest, adapter.bottleneck);
  return widest;
}

/// A thread's working memory for one tile.
struct TileScratch {
  TileScratch(const SiteProblem& problem, int64_t tile)
      : y(tile * problem.hidden, kAnything),
        h(tile * problem.hidden, kAnything),
        a_gradient(tile * problem.hidden, kAnything),
        z(tile * widest_bottleneck(problem), kAnything),
        z_gradient(tile * widest_bottleneck(problem), kAnything),
        row(problem.hidden, kAnything),
        factors(problem.hidden + 4, kAnything) {}
  static constexpr auto kAnything = Scratch::Start::kAnything;
  Scratch y, h, a_gradient, z, z_gradient, row, factors;
};

/// Rows of a site, as both passes read them.
class SiteRows {
 public:
  explicit SiteRows(const SiteProblem& problem)
      : problem_(problem),
        norm_{problem.norm_weight, problem.norm_bias, static_cast<float>(problem.norm_eps),
              problem.hidden},
        dropout_(problem.dropout, problem.seed) {}

  const LayerNorm& norm() const { return norm_; }
  const float* a(int64_t row) const { return problem_.a + row * problem_.hidden; }

  /// y = dropout(x) of one row; y may be x. `factors` is working memory.
  void drop(int64_t row, const float* x, float* factors, float* y) const {
    if (!dropout_.active()) {
      std::copy_n(x, problem_.hidden, y);
      return;
    }
    dropout_.row(static_cast<uint64_t>(row), problem_.hidden, factors);
#pragma omp simd
    for (int64_t i = 0; i < problem_.hidden; ++i) y[i] = x[i] * factors[i];
  }

  /// dropout(f) of one row: in `y`, or f itself where nothing is dropped.
  const float* dropped(int64_t row, float* factors, float* y) const {
    const float* const f = problem_.f + row * problem_.hidden;
    if (!dropout_.active()) return f;
    drop(row, f, factors, y);
    return y;
  }

  /// What an adapter reads and adds to, of one row of the output `below` it: h = LN(below + a) and
  /// y = below + bias. y may be `below`.
  void enter(int64_t row, const float* below, const float* bias, float* h, float* y) const {
    const float* const a_row = a(row);
#pragma omp simd
    for (int64_t i = 0; i < problem_.hidden; ++i) {
      h[i] = below[i] + a_row[i];
      y[i] = below[i] + bias[i];
    }
    norm_.forward(h, h);
  }

  /// sum = y + a
  void add_a(int64_t row, const float* y, float* sum) const {
    const float* a_row = a(row);
#pragma omp simd
    for (int64_t i = 0; i < problem_.hidden; ++i) sum[i] = y[i] + a_row[i];
  }

 private:
  const SiteProblem& problem_;
  LayerNorm norm_;
  Dropout dropout_;
};

}  // namespace madx::cpu

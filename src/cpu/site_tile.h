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
      : y(tile * problem.hidden),
        h(tile * problem.hidden),
        a_gradient(tile * problem.hidden),
        z(tile * widest_bottleneck(problem)),
        z_gradient(tile * widest_bottleneck(problem)),
        row(problem.hidden),
        factors(problem.hidden + 4) {}
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

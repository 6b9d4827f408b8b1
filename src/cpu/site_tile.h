#pragma once

#include <algorithm>

#include "cpu/layer_norm.h"
#include "cpu/philox.h"
#include "cpu/row_loops.h"
#include "madx/cpu/adapter_site.h"

namespace madx::cpu::MADX_CAPABILITY {

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
    dropout_.row(row_number(problem_.row_numbers, row), problem_.hidden, factors);
#pragma omp simd
    for (int64_t i = 0; i < problem_.hidden; ++i) y[i] = x[i] * factors[i];
  }

  /// What the stack is entered with, of one row: dropout(f) + a.
  void begin(int64_t row, float* factors, float* sum) const {
    const float *const f = problem_.f + row * problem_.hidden, *const a_row = a(row);
    if (dropout_.active()) {
      drop(row, f, factors, sum);
      add_to(sum, a_row, problem_.hidden);
      return;
    }
#pragma omp simd
    for (int64_t i = 0; i < problem_.hidden; ++i) sum[i] = f[i] + a_row[i];
  }

  /// What an adapter reads, h = LN(sum), and to which it adds the rest of its output: sum + its
  /// `bias`.
  void enter(float* sum, const float* bias, float* h) const {
    const auto stats = norm_.statistics(sum);
#pragma omp simd
    for (int64_t i = 0; i < problem_.hidden; ++i) {
      h[i] = norm_.normalised(sum[i], i, stats);
      sum[i] += bias[i];
    }
  }

 private:
  const SiteProblem& problem_;
  LayerNorm norm_;
  Dropout dropout_;
};

}  // namespace madx::cpu::MADX_CAPABILITY

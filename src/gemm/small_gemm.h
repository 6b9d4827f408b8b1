#pragma once

#ifdef MADX_LIBXSMM
#include <libxsmm.h>
#endif

#include <algorithm>
#include <cstdint>

#include "madx/core/error.h"

namespace madx::gemm::MADX_CAPABILITY {

/// A product of small row-major matrices in float32: C (m, n) = A (m, k) B (k, n), added to C where
/// `accumulate` is set. Strides are those between rows. Compiled by libxsmm for its exact sizes and
/// kept by it for the next call; threads may share one. Fastest where n and B's stride are
/// multiples of 16.
class SmallGemm {
 public:
  struct Options {
    /// A is stored as (k, m).
    bool transposed_a = false;
    bool accumulate = false;
  };

  SmallGemm(int64_t m, int64_t n, int64_t k, int64_t a_stride, int64_t b_stride, int64_t c_stride,
            Options options);

  void operator()(const float* a, const float* b, float* c) const;

 private:
#ifdef MADX_LIBXSMM
  libxsmm_smmfunction run_;
#else
  int64_t m_, n_, k_, a_stride_, b_stride_, c_stride_;
  Options options_;
#endif
};

#ifdef MADX_LIBXSMM

inline SmallGemm::SmallGemm(int64_t m, int64_t n, int64_t k, int64_t a_stride, int64_t b_stride,
                            int64_t c_stride, Options options) {
  // libxsmm thinks in columns: its first operand is our B.
  const auto lda = static_cast<libxsmm_blasint>(b_stride);
  const auto ldb = static_cast<libxsmm_blasint>(a_stride);
  const auto ldc = static_cast<libxsmm_blasint>(c_stride);
  const float alpha = 1, beta = options.accumulate ? 1 : 0;
  const int flags = options.transposed_a ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
  run_ = libxsmm_smmdispatch(static_cast<libxsmm_blasint>(n), static_cast<libxsmm_blasint>(m),
                             static_cast<libxsmm_blasint>(k), &lda, &ldb, &ldc, &alpha, &beta,
                             &flags, /*prefetch=*/nullptr);
  if (run_ == nullptr) {
    machine_error("libxsmm: expected a kernel for a product of ", m, " x ", n, " x ", k,
                  ", but it made none on ", libxsmm_get_target_arch());
  }
}

inline void SmallGemm::operator()(const float* a, const float* b, float* c) const { run_(b, a, c); }

#else

inline SmallGemm::SmallGemm(int64_t m, int64_t n, int64_t k, int64_t a_stride, int64_t b_stride,
                            int64_t c_stride, Options options)
    : m_(m),
      n_(n),
      k_(k),
      a_stride_(a_stride),
      b_stride_(b_stride),
      c_stride_(c_stride),
      options_(options) {}

inline void SmallGemm::operator()(const float* a, const float* b, float* c) const {
  for (int64_t row = 0; row < m_; ++row) {
    float* const to = c + row * c_stride_;
    if (!options_.accumulate) std::fill_n(to, n_, 0.0f);
    for (int64_t i = 0; i < k_; ++i) {
      const float factor = options_.transposed_a ? a[i * a_stride_ + row] : a[row * a_stride_ + i];
      const float* const from = b + i * b_stride_;
#pragma omp simd
      for (int64_t column = 0; column < n_; ++column) to[column] += factor * from[column];
    }
  }
}

#endif

}  // namespace madx::gemm::MADX_CAPABILITY

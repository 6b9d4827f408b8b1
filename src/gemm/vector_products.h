#pragma once

#include <algorithm>
#include <cstdint>

#include "gemm/cache.h"
#include "gemm/prefetch.h"
#include "gemm/scratch.h"
#include "gemm/small_gemm.h"
#include "gemm/transposed_rows.h"

namespace madx::gemm::MADX_CAPABILITY {

/// A thread's products with frozen weights on the processor's vector units, by libxsmm. Beside
/// MatrixProducts, which has the same members.
class VectorProducts {
 public:
  /// Rows of a tile are padded to a multiple of this where they are columns of an operand.
  static constexpr int64_t kGranule = TransposedTile::kSize;
  /// Rows that a tile may have where it reads `in` floats a row and writes `out`.
  static int64_t tile_rows(int64_t in, int64_t out) { return rows_in_cache(in + out); }
  /// Inner units of a feed-forward block taken at a time.
  static constexpr int64_t kInner = 256;
  /// Rows of an adapter site taken at a time: more read the weights less often, fewer stay in a
  /// core's second-level cache. In steps of kSiteGranule.
  static constexpr int64_t kSiteRows = 64, kSiteGranule = 4;
  /// Rows that Rows::load_block takes at a time.
  static constexpr int64_t kRowBlock = kSiteRows;

  /// The right operand X (k, n).
  class Columns {
   public:
    Columns(int64_t k, int64_t n) : data_(k * n) {}
    /// X = x^T of x (rows, k); n is `rows` up to a multiple of kGranule or more, zeros beyond rows.
    void load_transposed(const float* x, int64_t stride, int64_t rows, int64_t k, int64_t n) {
      MADX_CAPABILITY::load_transposed(x, stride, rows, k, n, data_.data());
    }
    /// Rows [first, first + count) of the k of X, from rows n apart: at most 32 from a multiple of
    /// 32 on, fewer at the end alone.
    void load(int64_t first, const float* rows, int64_t count, int64_t n, int64_t) {
      std::copy_n(rows, count * n, data_.data() + first * n);
    }
    const float* data() const { return data_.data(); }

   private:
    Scratch data_;
  };

  /// The left operand X (rows, k).
  class Rows {
   public:
    Rows(int64_t, int64_t) {}
    /// X is x, its rows `stride` apart, which stays as it is until the product.
    void load(const float* x, int64_t stride, int64_t, int64_t) {
      data_ = x;
      stride_ = stride;
    }
    /// Rows [first, first + rows) of X, of at most kSiteRows: kRowBlock of them from a multiple of
    /// it on, fewer at the end alone. Where that is not all of X, x is free again.
    void load_block(int64_t, const float* x, int64_t stride, int64_t rows, int64_t k) {
      load(x, stride, rows, k);
    }
    const float* data() const { return data_; }
    int64_t stride() const { return stride_; }

   private:
    const float* data_ = nullptr;
    int64_t stride_ = 0;
  };

  /// A right operand W (k, n) that all threads share, made once for many products. Dense, it is
  /// read as it lies, 64 columns at a time; of the weight (n, k) that is its transpose, panels of
  /// 64 columns are made, by their numbers.
  class Weight {
   public:
    /// Whether panels are made before the first product, and threads share them.
    static constexpr bool kHasPanels = true;
    void set_dense(const float* weight, int64_t k, int64_t n) {
      set(weight, k, n, /*transposed=*/false);
    }
    void set_transposed(const float* weight, int64_t n, int64_t k) {
      set(weight, k, n, /*transposed=*/true);
      if (const auto size = panels() * kWidth * k; size > size_) {
        data_ = Scratch(size, Scratch::Start::kAnything);
        size_ = size;
      }
    }
    int64_t k() const { return k_; }
    int64_t n() const { return n_; }
    /// Panels to be made before the first product.
    int64_t panels() const { return transposed_ ? (n_ + kWidth - 1) / kWidth : 0; }
    void make(int64_t panel) {
      transpose(weight_ + panel * kWidth * k_, k_, std::min(kWidth, n_ - panel * kWidth), k_,
                data_.data() + panel * kWidth * k_, kWidth);
    }

    int64_t stride() const { return transposed_ ? kWidth : n_; }
    const float* panel(int64_t column) const {
      return transposed_ ? data_.data() + column * k_ : weight_ + column;
    }

   private:
    void set(const float* weight, int64_t k, int64_t n, bool transposed) {
      weight_ = weight;
      k_ = k;
      n_ = n;
      transposed_ = transposed;
    }

    const float* weight_ = nullptr;
    int64_t k_ = 0, n_ = 0, size_ = 0;
    bool transposed_ = false;
    Scratch data_{0};
  };

  VectorProducts() : panel_(kWidth * kDepth, Scratch::Start::kAnything) {}

  /// C (m, n), rows n apart, = W (m, k) X (k, n), added to C where `accumulate` is set.
  void left(const float* weight, int64_t stride, int64_t m, int64_t k, const Columns& x, int64_t n,
            float* c, bool accumulate) {
    SmallGemm(m, n, k, stride, n, n, {/*transposed_a=*/false, accumulate})(weight, x.data(), c);
  }

  /// C (rows, n) = X (rows, k) W (k, n), added to C where `accumulate` is set. W is taken 64
  /// columns and at most 768 rows at a time, and each such panel is copied first: its rows are up
  /// to 12 KB apart, which is a page, and the same few sets of the cache, for each.
  void right(const Rows& x, int64_t rows, int64_t k, const float* weight, int64_t stride, int64_t n,
             float* c, int64_t c_stride, bool accumulate) {
    for (int64_t row = 0; row < k; row += kDepth) {
      const auto depth = std::min(kDepth, k - row);
      for (int64_t column = 0; column < n; column += kWidth) {
        const auto width = std::min(kWidth, n - column);
        copy(weight + row * stride + column, stride, depth, width);
        SmallGemm(rows, width, depth, x.stride(), kWidth, c_stride,
                  {/*transposed_a=*/false, accumulate || row > 0})(x.data() + row, panel_.data(),
                                                                   c + column);
      }
    }
  }

  /// C (rows, n) dense = X (rows, k) W, added to C where `accumulate` is set.
  void times(const Rows& x, int64_t rows, const Weight& weight, float* c, bool accumulate) {
    const auto n = weight.n(), k = weight.k();
    for (int64_t column = 0; column < n; column += kWidth) {
      SmallGemm(rows, std::min(kWidth, n - column), k, x.stride(), weight.stride(), n,
                {/*transposed_a=*/false, accumulate})(x.data(), weight.panel(column), c + column);
    }
  }

  /// C (rows, n) += X^T W of X (k, rows), rows x_stride apart, and W (k, n).
  void add_transposed(const float* x, int64_t x_stride, int64_t rows, int64_t k,
                      const float* weight, int64_t stride, int64_t n, float* c, int64_t c_stride) {
    SmallGemm(rows, n, k, x_stride, stride, c_stride, {/*transposed_a=*/true, /*accumulate=*/true})(
        x, weight, c);
  }

 private:
  static constexpr int64_t kWidth = 64, kDepth = 768;

  void copy(const float* from, int64_t stride, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; ++row) {
      prefetch_ahead(from + row * stride, stride, columns);
      std::copy_n(from + row * stride, columns, panel_.data() + row * kWidth);
    }
  }

  Scratch panel_;
};

}  // namespace madx::gemm::MADX_CAPABILITY

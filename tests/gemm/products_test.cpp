// The products that kernels are made of, on vector units and on matrix units (emulated where there
// are none), beside sums in double.
#include "madx/gemm/products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gemm/checked_products.h"
#include "gemm/test_floats.h"
#include "gemm/tested.h"
#include "madx/gemm/capability.h"

namespace madx::gemm {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Shape {
  int64_t m, n, k;
};

/// A (m, k) B (k, n) by each member of Products, and in double.
template <class Products>
class ProductsTest : public testing::Test {
 protected:
  void set(Shape shape, double scale = 1) {
    shape_ = shape;
    a_ = random_floats(shape.m * shape.k, scale, 3);
    b_ = random_floats(shape.k * shape.n, scale, 4);
    b_transposed_ = transposed(b_, shape.k, shape.n);
    a_transposed_ = transposed(a_, shape.m, shape.k);
    start_ = random_floats(shape.m * shape.n, 1, 5);
  }
  static Floats transposed(const Floats& from, int64_t rows, int64_t columns) {
    Floats to(from.size());
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
    return to;
  }
  Floats guarded_start() const {
    auto c = start_;
    c.push_back(kCanary);
    return c;
  }

  void expect(const Floats& c, bool accumulate) const {
    for (int64_t i = 0; i < shape_.m; ++i) {
      for (int64_t j = 0; j < shape_.n; ++j) {
        double sum = accumulate ? start_[i * shape_.n + j] : 0, size = std::fabs(sum);
        for (int64_t k = 0; k < shape_.k; ++k) {
          const double product = double{a_[i * shape_.k + k]} * b_[k * shape_.n + j];
          sum += product;
          size += std::fabs(product);
        }
        ASSERT_NEAR(c[i * shape_.n + j], sum, 1e-6 * size) << i << ", " << j;
      }
    }
    EXPECT_EQ(c.back(), kCanary);
  }

  Shape shape_{};
  Floats a_, b_, a_transposed_, b_transposed_, start_;
};

#ifdef MADX_MATRIX_UNITS
using Engines = testing::Types<VectorProducts, MatrixProducts>;
#else
using Engines = testing::Types<VectorProducts>;
#endif
TYPED_TEST_SUITE(ProductsTest, Engines);

const Shape kShapes[] = {{1, 1, 1},    {3, 5, 7},    {32, 32, 32},  {33, 31, 65},
                         {64, 96, 40}, {70, 130, 3}, {17, 48, 769}, {100, 33, 800},
                         {48, 64, 40}, {40, 48, 96}, {16, 16, 64}};

TYPED_TEST(ProductsTest, WeightFirst) {
  for (auto shape : kShapes) {
    shape.n = (shape.n + 31) / 32 * 32;  // columns are padded
    this->set(shape);
    for (const bool accumulate : {false, true}) {
      TypeParam products;
      typename TypeParam::Columns columns(shape.k, shape.n);
      columns.load_transposed(this->b_transposed_.data(), shape.k, shape.n, shape.k, shape.n);
      auto c = this->guarded_start();
      products.left(this->a_.data(), shape.k, shape.m, shape.k, columns, shape.n, c.data(),
                    accumulate);
      this->expect(c, accumulate);
      // The same operand, some rows at a time.
      constexpr int64_t kRows = 32;
      for (int64_t first = 0; first < shape.k; first += kRows)
        columns.load(first, this->b_.data() + first * shape.n, std::min(kRows, shape.k - first),
                     shape.n, shape.k);
      c = this->guarded_start();
      products.left(this->a_.data(), shape.k, shape.m, shape.k, columns, shape.n, c.data(),
                    accumulate);
      this->expect(c, accumulate);
    }
  }
}

TYPED_TEST(ProductsTest, RowsFirst) {
  for (const auto shape : kShapes) {
    this->set(shape);
    for (const bool accumulate : {false, true}) {
      TypeParam products;
      typename TypeParam::Rows rows(shape.m, shape.k);
      rows.load(this->a_.data(), shape.k, shape.m, shape.k);
      auto c = this->guarded_start();
      products.right(rows, shape.m, shape.k, this->b_.data(), shape.n, shape.n, c.data(), shape.n,
                     accumulate);
      this->expect(c, accumulate);
    }
  }
}

TYPED_TEST(ProductsTest, WeightOfManyProducts) {
  using Weight = typename TypeParam::Weight;
  for (const auto shape : kShapes) {
    this->set(shape);
    for (const bool accumulate : {false, true}) {
      TypeParam products;
      typename TypeParam::Rows rows(shape.m, shape.k);
      rows.load(this->a_.data(), shape.k, shape.m, shape.k);
      Weight weight;
      for (const bool transposed : {false, true}) {
        if (transposed) {
          weight.set_transposed(this->b_transposed_.data(), shape.n, shape.k);
        } else {
          weight.set_dense(this->b_.data(), shape.k, shape.n);
        }
        if constexpr (Weight::kHasPanels)
          for (int64_t panel = 0; panel < weight.panels(); ++panel) weight.make(panel);
        auto c = this->guarded_start();
        products.times(rows, shape.m, weight, c.data(), accumulate);
        this->expect(c, accumulate);
      }
    }
  }
}

TYPED_TEST(ProductsTest, TransposedRowsAdd) {
  for (const auto shape : kShapes) {
    this->set(shape);
    TypeParam products;
    auto c = this->guarded_start();
    products.add_transposed(this->a_transposed_.data(), shape.m, shape.m, shape.k, this->b_.data(),
                            shape.n, shape.n, c.data(), shape.n);
    this->expect(c, /*accumulate=*/true);
  }
}

TYPED_TEST(ProductsTest, WhatIsNotANumberReachesItsRowAlone) {
  this->set({40, 50, 100});
  this->a_[7 * 100 + 60] = kNaN;
  TypeParam products;
  typename TypeParam::Rows rows(40, 100);
  rows.load(this->a_.data(), 100, 40, 100);
  Floats c(40 * 50);
  products.right(rows, 40, 100, this->b_.data(), 50, 50, c.data(), 50, /*accumulate=*/false);
  for (int64_t i = 0; i < 40; ++i)
    for (int64_t j = 0; j < 50; ++j) ASSERT_EQ(std::isnan(c[i * 50 + j]), i == 7) << i << ", " << j;
}

#ifdef MADX_MATRIX_UNITS

/// Root of the mean squared error of x W^T, over sum |x w|.
template <class Products>
double error_of(const Floats& weight, const Floats& x, int64_t m, int64_t n, int64_t k) {
  Products products;
  typename Products::Columns columns(k, n);
  columns.load_transposed(x.data(), k, n, k, n);
  Floats c(static_cast<size_t>(m * n));
  products.left(weight.data(), k, m, k, columns, n, c.data(), /*accumulate=*/false);
  double squares = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, size = 0;
      for (int64_t l = 0; l < k; ++l) {
        const double product = double{weight[i * k + l]} * x[j * k + l];
        sum += product;
        size += std::fabs(product);
      }
      squares += std::pow((c[i * n + j] - sum) / size, 2);
    }
  }
  return std::sqrt(squares / static_cast<double>(m * n));
}

TEST(Products, OfMatrixUnitsAreNoLessExactThanThoseOfVectorUnits) {
  constexpr int64_t kM = 32, kN = 64;
  for (const int64_t k : {64, 768, 3072}) {
    for (const bool positive : {false, true}) {  // sums that cancel, and sums that grow
      auto weight = random_floats(kM * k, 1, 6), x = random_floats(kN * k, 1, 7);
      if (positive) {
        for (auto* const values : {&weight, &x})
          for (auto& value : *values) value = std::fabs(value);
      }
      const auto of_vectors = error_of<VectorProducts>(weight, x, kM, kN, k);
      const auto of_matrices = error_of<MatrixProducts>(weight, x, kM, kN, k);
      EXPECT_LE(of_matrices, of_vectors) << "k " << k << ", positive " << positive;
      EXPECT_LT(of_vectors, 1e-6);
    }
  }
}

#endif

TEST(Products, AreThoseOfTheVectorUnitsWhereThereAreNoOthers) {
  if (has_matrix_units()) GTEST_SKIP() << "this processor has AMX";
  EXPECT_EQ(default_products(), gemm::Products::kVector);
}

}  // namespace
}  // namespace madx::gemm

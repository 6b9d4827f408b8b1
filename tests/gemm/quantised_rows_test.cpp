#include "gemm/quantised_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gemm/test_floats.h"
#include "gemm/tested.h"

namespace madx::gemm {
namespace quantised_rows_test {

float value(const QuantisedRows& rows, int64_t row, int64_t column) {
  return rows.scale(row) * static_cast<float>(rows.row(row)[column] - rows.zero(row));
}

TEST(QuantisedRows, AreWithinHalfAStep) {
  constexpr int64_t kRows = 21, kColumns = 77;
  QuantisedRows rows(kRows, kColumns);
  const auto x = random_floats(kRows * kColumns, 3, 1);
  rows.load(x.data(), kColumns, kRows, kColumns);
  for (int64_t row = 0; row < kRows; ++row) {
    float least = 0, most = 0;
    for (int64_t i = 0; i < kColumns; ++i) {
      least = std::min(least, x[row * kColumns + i]);
      most = std::max(most, x[row * kColumns + i]);
    }
    EXPECT_FLOAT_EQ(rows.scale(row), (most - least) / 255);
    for (int64_t i = 0; i < kColumns; ++i)
      // At the ends of the range, the zero's rounding adds half a step.
      ASSERT_NEAR(value(rows, row, i), x[row * kColumns + i], 1.001 * rows.scale(row)) << row;
  }
}

TEST(QuantisedRows, HaveAllTheRangeWhereAllIsPositive) {
  const Floats x = {0, 1, 2, 255};
  QuantisedRows rows(1, 4);
  rows.load(0, x.data(), 4);
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(rows.row(0)[i], x[i]);
  EXPECT_EQ(rows.zero(0), 0);
}

TEST(QuantisedRows, KeepZeroExactly) {
  const Floats x = {0, -0.31f, 2.7f, 0};
  QuantisedRows rows(1, 4);
  rows.load(0, x.data(), 4);
  EXPECT_EQ(value(rows, 0, 0), 0);
  EXPECT_EQ(value(rows, 0, 3), 0);
  rows.load(0, Floats(4).data(), 4);
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(value(rows, 0, i), 0);
}

TEST(QuantisedRows, TakeExactColumnsForZero) {
  const Floats x = {1, 1000, -1, 0.5f};
  const int32_t exact[] = {1};
  QuantisedRows rows(1, 4);
  rows.load(0, x.data(), 4, exact, 1);
  EXPECT_FLOAT_EQ(rows.scale(0), 2.0f / 255);
  EXPECT_EQ(value(rows, 0, 1), 0);
  EXPECT_NEAR(value(rows, 0, 3), 0.5f, rows.scale(0));
}

TEST(QuantisedRows, ShowWhatIsNoFiniteNumberInTheirScale) {
  QuantisedRows rows(2, 3);
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    const Floats x = {1, bad, 2};
    rows.load(0, x.data(), 3);
    EXPECT_TRUE(std::isnan(rows.scale(0)));
  }
}

TEST(QuantisedRows, AreZerosWhereNumbersAreTooSmallForAStep) {
  QuantisedRows rows(1, 4);
  for (const float size : {1e-45f, 1e-40f, 1e-39f, 1e-38f, 5e-37f}) {
    for (const float sign : {-1.0f, 1.0f}) {
      const Floats x = {sign * size, 0, sign * size / 2, -sign * size / 3};
      rows.load(0, x.data(), 4);
      EXPECT_EQ(rows.zero(0), 0) << size;
      for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(value(rows, 0, i), 0) << size;
    }
  }
  const Floats x = {3e-36f, 0, -3e-36f, 1e-36f};
  rows.load(0, x.data(), 4);
  for (int64_t i = 0; i < 4; ++i) EXPECT_NEAR(value(rows, 0, i), x[i], 1.001 * rows.scale(0));
}

}  // namespace quantised_rows_test
}  // namespace madx::gemm

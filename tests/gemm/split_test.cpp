// How matrix units take float32: numbers split into parts of bfloat16, by panels.
#ifdef MADX_MATRIX_UNITS

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "gemm/checked_products.h"
#include "gemm/test_floats.h"
#include "gemm/tested.h"

namespace madx::gemm {
namespace split_test {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float part_of(const Bfloat16* panel, int64_t element, int64_t part) {
  const uint32_t bits = uint32_t{panel[element + part * 2 * kSplitTile]} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Element (row, step k) of a panel of A, all of whose parts are added.
double sum_of_parts(const Bfloat16* panel, int64_t row, int64_t k) {
  const auto pair = k % kSplitPanel;
  const auto element = k / kSplitPanel * kSplitStep + row * kSplitPanel + pair % 16 * 2 + pair / 16;
  double sum = 0;
  for (int64_t part = 0; part < kSplitParts; ++part) sum += part_of(panel, element, part);
  return sum;
}

TEST(Split, LosesNothing) {
  constexpr int64_t kRows = 32, kK = 256;
  auto values = random_floats(kRows * kK, 1, 1);
  for (size_t i = 0; i < values.size(); ++i)  // of all magnitudes
    values[i] = std::ldexp(values[i], static_cast<int>(i % 200) - 100);
  values[0] = 0;
  values[1] = -1;
  values[2] = std::nextafter(1.0f, 2.0f);
  values[3] = std::nextafter(1.0f, 0.0f);
  values[4] = 16777215;
  SplitPanels panels(kRows, kK);
  PanelSplit(PanelSplit::From::kRows, values.data(), kK, kRows, kK, panels.data()).rest();
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t k = 0; k < kK; ++k)
      ASSERT_EQ(sum_of_parts(panels.data(), row, k), values[row * kK + k]) << row << ", " << k;
}

TEST(Split, IsZeroBeyondTheEndInTheTilesThatAreRead) {
  constexpr int64_t kK = 37;
  for (const int64_t rows : {3, 16, 17, 30}) {
    const auto values = random_floats(rows * kK, 1, 2);
    SplitPanels panels(rows, kK);
    PanelSplit(PanelSplit::From::kRows, values.data(), kK, rows, kK, panels.data()).rest();
    for (int64_t row = 0; row < (rows > 16 ? 32 : 16); ++row)
      for (int64_t k = 0; k < 64; ++k)
        ASSERT_EQ(sum_of_parts(panels.data(), row, k),
                  row < rows && k < kK ? values[row * kK + k] : 0)
            << rows << " rows";
  }
}

/// Of B = X^T, element (step k, column).
double sum_of_parts_of_b(const Bfloat16* panel, int64_t k, int64_t column) {
  const auto pair = k % kSplitPanel;
  const auto element = k / kSplitPanel * kSplitStep + column / 16 * kSplitTile +
                       pair % 16 * kSplitPanel + column % 16 * 2 + pair / 16;
  double sum = 0;
  for (int64_t part = 0; part < kSplitParts; ++part) sum += part_of(panel, element, part);
  return sum;
}

TEST(Split, OfColumnsIsZeroBeyondTheEnd) {
  using From = PanelSplit::From;
  for (const int64_t k : {37, 64}) {
    for (const int64_t columns : {3, 16, 17, 32}) {
      const auto values = random_floats(columns * k, 1, 2);  // X (columns, k), or B (k, columns)
      for (const bool transposed : {false, true}) {
        SplitPanels panels(columns, k);
        std::fill_n(panels.data(), split_size(columns, k), Bfloat16{0x7fc0});  // not a number
        PanelSplit(transposed ? From::kColumnsTransposed : From::kColumns, values.data(),
                   transposed ? k : columns, columns, k, panels.data())
            .rest();
        for (int64_t row = 0; row < 64; ++row)
          for (int64_t column = 0; column < 32; ++column)
            ASSERT_EQ(sum_of_parts_of_b(panels.data(), row, column),
                      row >= k || column >= columns ? 0
                      : transposed                  ? values[column * k + row]
                                                    : values[row * columns + column])
                << k << " x " << columns << ": " << row << ", " << column;
      }
    }
  }
}

TEST(Split, KeepsWhatIsNotANumber) {
  uint32_t all_ones = 0x7fffffff;
  float odd_nan;
  std::memcpy(&odd_nan, &all_ones, sizeof odd_nan);
  Floats values(32, 1.0f);
  values[3] = kNaN;
  values[5] = odd_nan;
  values[7] = -odd_nan;
  values[9] = kInfinity;
  SplitPanels panels(1, 32);
  PanelSplit(PanelSplit::From::kRows, values.data(), 32, 1, 32, panels.data()).rest();
  for (const int64_t i : {3, 5, 7, 9})
    EXPECT_TRUE(std::isnan(sum_of_parts(panels.data(), 0, i))) << i;
  EXPECT_EQ(sum_of_parts(panels.data(), 0, 4), 1);
}

}  // namespace split_test
}  // namespace madx::gemm

#endif

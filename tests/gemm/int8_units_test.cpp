// Matrix units in int8, on emulated tiles.
#include "gemm/int8_units.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "gemm/emulated_tiles.h"
#include "gemm/tested.h"

namespace madx::gemm {
namespace int8_units_test {

/// What the units are to give, a number at a time.
struct PlainUnits {
  static constexpr int64_t kRows = 5, kPanels = 4;
  static void sums(const Int8Block& block, int64_t rows, int64_t panels) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < panels * kInt8Granule; ++column) {
        const auto* const b = block.b + column / kInt8Granule * block.b_panel;
        int32_t sum = 0;
        for (int64_t k = 0; k < 4 * block.steps; ++k) {
          sum += int32_t{block.a[row * block.a_stride + k]} *
                 b[k / 4 * kInt8Step + column % kInt8Granule * 4 + k % 4];
        }
        block.sums[row * kInt8Columns + column] = sum;
      }
    }
  }
};

TEST(MatrixInt8Units, GiveTheSumsOfAllSizes) {
  using Units = MatrixInt8Units<EmulatedInt8, PlainUnits>;
  std::mt19937 random(1);
  for (const int64_t k : {16, 64, 80, 192, 208}) {
    const int64_t stride = (k + 63) / 64 * 64, panel = kInt8Granule * k;
    std::vector<uint8_t> a(static_cast<size_t>(Units::kRows * stride));
    std::vector<int8_t> b(static_cast<size_t>(Units::kPanels * panel));
    for (auto& value : a) value = static_cast<uint8_t>(random());
    for (auto& value : b) value = static_cast<int8_t>(random() % 255 - 127);
    for (const int64_t rows : {1, 15, 16, 17, 32}) {
      for (const int64_t panels : {1, 2}) {
        std::vector<int32_t> ours(static_cast<size_t>(Units::kRows * kInt8Columns)), plain = ours;
        Int8Block block{a.data(), stride, b.data(), panel, k / 4, ours.data()};
        Units::sums(block, rows, panels);
        block.sums = plain.data();
        PlainUnits::sums(block, rows, panels);
        for (int64_t row = 0; row < rows; ++row) {
          for (int64_t column = 0; column < panels * kInt8Granule; ++column) {
            const auto place = row * kInt8Columns + column;
            ASSERT_EQ(ours[place], plain[place]) << k << " " << rows << " " << panels;
          }
        }
      }
    }
  }
}

}  // namespace int8_units_test
}  // namespace madx::gemm

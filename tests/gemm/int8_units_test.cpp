// Matrix units in int8 on plain memory that does what AMX's tiles do: the kernel's every address
// and order is the one that a processor with AMX runs.
#include "gemm/int8_units.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "gemm/tested.h"

namespace madx::gemm {
namespace int8_units_test {

struct EmulatedTiles {
  static constexpr int kSize = 16, kBytes = 64;
  static inline uint8_t memory[8][kSize][kBytes];

  template <int kTile>
  static void zero() {
    std::memset(memory[kTile], 0, sizeof memory[kTile]);
  }
  template <int kTile>
  static void load(const void* from, int64_t stride) {
    for (int row = 0; row < kSize; ++row)
      std::memcpy(memory[kTile][row], static_cast<const char*>(from) + row * stride, kBytes);
  }
  template <int kSums, int kA, int kB>
  static void multiply() {
    for (int row = 0; row < kSize; ++row) {
      for (int column = 0; column < kSize; ++column) {
        int32_t sum;
        std::memcpy(&sum, memory[kSums][row] + 4 * column, sizeof sum);
        for (int k = 0; k < kBytes; ++k) {
          sum += int32_t{memory[kA][row][k]} *
                 static_cast<int8_t>(memory[kB][k / 4][4 * column + k % 4]);
        }
        std::memcpy(memory[kSums][row] + 4 * column, &sum, sizeof sum);
      }
    }
  }
  template <int kTile>
  static void store(void* to, int64_t stride) {
    for (int row = 0; row < kSize; ++row)
      std::memcpy(static_cast<char*>(to) + row * stride, memory[kTile][row], kBytes);
  }
};

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
  using Units = MatrixInt8Units<EmulatedTiles, PlainUnits>;
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

// Products of bfloat16 on matrix units, on emulated tiles, beside sums in double. products_test has
// those of float32.
#ifdef MADX_MATRIX_UNITS
#include "gemm/tile_products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "gemm/emulated_tiles.h"
#include "gemm/test_floats.h"
#include "gemm/tested.h"

namespace madx::gemm {
namespace tile_products_test {

/// Rounds `values` towards zero; returns their bits.
std::vector<Bfloat16> cut(Floats& values) {
  std::vector<Bfloat16> upper;
  for (auto& value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    upper.push_back(static_cast<Bfloat16>(bits >> 16));
    bits &= 0xffff0000;
    std::memcpy(&value, &bits, sizeof value);
  }
  return upper;
}

TEST(TileProducts, OfBfloat16GiveTheSumsOfAllSizes) {
  constexpr int64_t kGranule = kBfloat16Granule, kStride = 128;
  for (const int64_t rows : {1, 16, 17, 32, 50}) {
    for (const int64_t n : {32, 96}) {
      for (const int64_t k : {32, 96}) {
        auto a = random_floats((rows + kGranule - 1) / kGranule * kGranule * kStride, 1, 1);
        auto b = random_floats(k * n, 1, 2);
        const auto a_bits = cut(a), b_bits = cut(b);
        std::vector<Bfloat16> packed(b.size());
        for (int64_t i = 0; i < k; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            packed[j / kGranule * kGranule * k + i / 2 * 2 * kGranule + j % kGranule * 2 + i % 2] =
                b_bits[i * n + j];
          }
        }
        const auto start = random_floats(rows * n, 1, 3), bias = random_floats(n, 1, 4);
        for (const bool accumulate : {false, true}) {
          for (const float* const added : {static_cast<const float*>(nullptr), bias.data()}) {
            auto c = start;
            c.push_back(kCanary);
            TileProducts<EmulatedBfloat16>::multiply({rows, n, k, a_bits.data(), kStride,
                                                      packed.data(), kGranule * k, c.data(), n,
                                                      accumulate, added});
            for (int64_t i = 0; i < rows; ++i) {
              for (int64_t j = 0; j < n; ++j) {
                double sum = accumulate ? start[i * n + j] : added != nullptr ? added[j] : 0;
                for (int64_t l = 0; l < k; ++l) sum += double{a[i * kStride + l]} * b[l * n + j];
                ASSERT_NEAR(c[i * n + j], sum, 1e-5 * (1 + std::fabs(sum))) << rows << ", " << k;
              }
            }
            EXPECT_EQ(c.back(), kCanary);
          }
        }
      }
    }
  }
}

}  // namespace tile_products_test
}  // namespace madx::gemm

#endif

#include "cpu/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gemm/tested.h"

namespace madx::cpu {
namespace {

std::vector<uint32_t> words(const Philox& random) { return {random.word, random.word + 4}; }

std::vector<float> factors(double p, uint64_t seed, uint64_t row, int64_t count) {
  std::vector<float> result(static_cast<size_t>(count));
  Dropout(p, seed).row(row, count, result.data());
  return result;
}

double share_kept(const std::vector<float>& factors) {
  double kept = 0;
  for (const float factor : factors) kept += factor > 0;
  return kept / static_cast<double>(factors.size());
}

// The known answers that Random123 publishes for philox4x32-10.
TEST(Philox, GivesTheKnownAnswers) {
  using Words = std::vector<uint32_t>;
  EXPECT_EQ(words(Philox(0, 0, 0)), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(Philox(~0ull, ~0ull, ~0ull)),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(Philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e)),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Dropout, DecidesByTheHalvesOfTheWordsOfEightCounters) {
  const uint64_t seed = 0x1234567890abcdef, row = 0x123456789a;
  const auto drawn = factors(0.5, seed, row, 130);
  for (uint64_t column = 0; column < 130; ++column) {
    const uint64_t chunk = column / 64, place = column % 32;
    const Philox random(seed, 8 * chunk + place % 8, row);
    const uint32_t word = random.word[place / 8];
    const uint32_t half = column % 64 < 32 ? word & 0xFFFF : word >> 16;
    EXPECT_EQ(drawn[column], half >= 32768 ? 2.0f : 0.0f) << column;
  }
}

TEST(Dropout, KeepsItsShareAndTheExpectation) {
  constexpr int64_t kRows = 1000, kColumns = 1000;
  for (const double p : {0.01, 0.1, 0.5, 0.9}) {
    double kept = 0, sum = 0, pairs = 0;
    for (uint64_t row = 0; row < kRows; ++row) {
      const auto drawn = factors(p, 7, row, kColumns);
      kept += share_kept(drawn) / kRows;
      for (size_t j = 0; j < kColumns; ++j) {
        sum += drawn[j];
        pairs += drawn[j] > 0 && drawn[(j + 32) % kColumns] > 0;  // shares a word with it
      }
    }
    const double deviation = std::sqrt(p * (1 - p) / (kRows * kColumns));
    EXPECT_NEAR(kept, 1 - p, 5 * deviation + 1.0 / 65536);
    EXPECT_NEAR(sum / (kRows * kColumns), 1, 5 * deviation / (1 - p));
    EXPECT_NEAR(pairs / (kRows * kColumns), kept * kept, 10 * deviation);
  }
}

TEST(Dropout, DependsOnSeedRowAndColumnAlone) {
  const auto drawn = factors(0.3, 5, 8, 200);
  EXPECT_EQ(drawn, factors(0.3, 5, 8, 200));
  EXPECT_NE(drawn, factors(0.3, 6, 8, 200));
  EXPECT_NE(drawn, factors(0.3, 5, 9, 200));
  for (const int64_t count : {1, 31, 32, 33, 63, 64, 65, 100}) {
    EXPECT_EQ(factors(0.3, 5, 8, count), std::vector<float>(drawn.begin(), drawn.begin() + count));
  }
}

TEST(Dropout, WritesNothingBeyondTheRow) {
  for (const int64_t count : {0, 1, 17, 32, 50, 64, 65}) {
    std::vector<float> row(200, -1.0f);
    Dropout(0.3, 5).row(1, count, row.data());
    for (size_t j = 0; j < row.size(); ++j) EXPECT_EQ(row[j] == -1, j >= size_t(count));
  }
}

TEST(Dropout, IsInactiveAtZero) {
  EXPECT_FALSE(Dropout(0, 1).active());
  EXPECT_TRUE(Dropout(0.1, 1).active());
}

}  // namespace
}  // namespace madx::cpu

#include "madx/data/windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>

namespace madx {
namespace windows_test {

using Counts = std::vector<std::int64_t>;

std::int64_t sum(const Counts& counts, std::size_t begin, std::size_t end) {
  return std::accumulate(counts.begin() + begin, counts.begin() + end, std::int64_t{0});
}

/// Sub-words between word `w` and the nearer edge of `window`.
std::int64_t context(const Counts& counts, const Window& window, std::size_t w) {
  return std::min(sum(counts, window.begin, w), sum(counts, w + 1, window.end));
}

TEST(Windows, LeavesAShortSentenceWhole) {
  const auto windows = make_windows({3, 4, 3}, 10);
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].begin, 0u);
  EXPECT_EQ(windows[0].end, 3u);
  EXPECT_EQ(windows[0].keep_begin, 0u);
  EXPECT_EQ(windows[0].keep_end, 3u);
}

TEST(Windows, HasNoneForASentenceWithoutWords) { EXPECT_TRUE(make_windows({}, 10).empty()); }

TEST(Windows, SharesWordsAndCutsInTheirMiddle) {
  const auto windows = make_windows(Counts(14, 1), 8, 4);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[0].end, 8u);
  EXPECT_EQ(windows[1].begin, 4u);
  EXPECT_EQ(windows[0].keep_end, 6u);
  EXPECT_EQ(windows[1].keep_begin, 6u);
  EXPECT_EQ(windows[1].end, 12u);
  EXPECT_EQ(windows[2].begin, 8u);
  EXPECT_EQ(windows[2].keep_begin, 10u);
  EXPECT_EQ(windows[2].keep_end, 14u);
}

TEST(Windows, GivesAWordInTheVeryMiddleToTheFirst) {
  const auto windows = make_windows(Counts(10, 1), 8, 3);  // words 5, 6 and 7 are shared
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].begin, 5u);
  EXPECT_EQ(windows[0].keep_end, 7u);
  EXPECT_EQ(windows[1].keep_begin, 7u);
}

TEST(Windows, SharesAQuarterOfTheLimitByDefault) {
  const auto windows = make_windows(Counts(20, 1), 16);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].begin, 12u);
}

TEST(Windows, GivesAWordBeyondTheLimitAWindowOfItsOwn) {
  const auto windows = make_windows({1, 1, 9, 1}, 4, 2);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[1].begin, 2u);
  EXPECT_EQ(windows[1].end, 3u);
  EXPECT_EQ(windows[2].begin, 3u);
}

TEST(Windows, RefusesImpossibleSizes) {
  EXPECT_THROW(make_windows({1}, 0, 0), c10::Error);
  EXPECT_THROW(make_windows({1}, 4, 4), c10::Error);
  EXPECT_THROW(make_windows({1}, 4, -1), c10::Error);
  EXPECT_THROW(make_windows({-1}, 4, 1), c10::Error);
}

/// A random sentence, limit and overlap, with the windows for them.
struct RandomCase {
  explicit RandomCase(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto draw = [&](std::int64_t low, std::int64_t high) {
      return std::uniform_int_distribution<std::int64_t>(low, high)(random);
    };
    limit = draw(1, 40);
    overlap = draw(0, limit - 1);
    const std::int64_t longest = draw(0, 3) == 0 ? limit + 3 : std::min<std::int64_t>(limit, 6);
    counts.resize(static_cast<std::size_t>(draw(1, 80)));
    for (auto& count : counts) count = draw(0, longest);
    windows = make_windows(counts, limit, overlap);
  }

  std::int64_t limit, overlap;
  Counts counts;
  std::vector<Window> windows;
};

template <class Check>
void for_random_cases(Check check) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    check(RandomCase(seed));
  }
}

TEST(RandomWindows, KeepEveryWordOnce) {
  for_random_cases([](const RandomCase& one) {
    std::size_t next = 0;
    for (const Window& window : one.windows) {
      EXPECT_EQ(window.keep_begin, next);
      EXPECT_LT(window.keep_begin, window.keep_end);
      EXPECT_LE(window.begin, window.keep_begin);
      EXPECT_LE(window.keep_end, window.end);
      next = window.keep_end;
    }
    EXPECT_EQ(next, one.counts.size());
  });
}

TEST(RandomWindows, FitTheLimitOrHoldASingleWord) {
  for_random_cases([](const RandomCase& one) {
    for (const Window& window : one.windows) {
      if (window.end - window.begin > 1) {
        EXPECT_LE(sum(one.counts, window.begin, window.end), one.limit);
      }
    }
  });
}

TEST(RandomWindows, ShareNoMoreThanTheOverlap) {
  for_random_cases([](const RandomCase& one) {
    for (std::size_t i = 1; i < one.windows.size(); ++i) {
      const std::size_t end = one.windows[i - 1].end;
      EXPECT_LE(sum(one.counts, std::min(one.windows[i].begin, end), end), one.overlap);
    }
  });
}

TEST(RandomWindows, KeepAWordWhereItHasMostContext) {
  for_random_cases([](const RandomCase& one) {
    for (const Window& kept : one.windows) {
      for (std::size_t w = kept.keep_begin; w < kept.keep_end; ++w) {
        for (const Window& other : one.windows) {
          if (other.begin > w || w >= other.end) continue;
          EXPECT_GE(context(one.counts, kept, w), context(one.counts, other, w));
        }
      }
    }
  });
}

}  // namespace windows_test
}  // namespace madx

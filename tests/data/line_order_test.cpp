#include "madx/data/line_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace madx {
namespace line_order_test {

std::vector<size_t> numbers_of(const LineOrder& order, size_t size) {
  std::vector<size_t> numbers(size);
  for (size_t i = 0; i < size; ++i) numbers[i] = order[i];
  return numbers;
}

/// Pearson's correlation of places and numbers, times the root of their count: a standard normal
/// where the order is random.
double correlation(const std::vector<size_t>& numbers, size_t lag) {
  const auto n = numbers.size() - lag;
  const double mean = (static_cast<double>(numbers.size()) - 1) / 2;
  double product = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto a = static_cast<double>(lag == 0 ? i : numbers[i + lag]) - mean;
    const auto b = static_cast<double>(numbers[i]) - mean;
    product += a * b;
    squares += b * b;
  }
  return product / squares * std::sqrt(static_cast<double>(n));
}

// One size of each kind of order, and both sides of the largest table.
TEST(LineOrder, HasEveryNumberOnce) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{7}, LineOrder::kTable,
                            LineOrder::kTable + 1, 4 * LineOrder::kTable - 3}) {
    auto numbers = numbers_of(LineOrder(size, {42, 1}), size);
    std::vector<bool> seen(size);
    for (const auto number : numbers) {
      ASSERT_LT(number, size);
      ASSERT_FALSE(seen[number]) << number << " twice of " << size;
      seen[number] = true;
    }
  }
}

TEST(LineOrder, IsRandom) {
  for (const size_t size : {LineOrder::kTable, LineOrder::kTable + 1, 2 * LineOrder::kTable}) {
    const auto numbers = numbers_of(LineOrder(size, {42, 1}), size);
    for (const size_t lag : {0, 1, 2, 64, 2048})
      EXPECT_LT(std::abs(correlation(numbers, lag)), 4) << "size " << size << ", lag " << lag;
  }
}

TEST(LineOrder, IsAnotherOneForEverySeed) {
  for (const size_t size : {size_t{1000}, LineOrder::kTable + 1}) {
    const LineOrder order(size, {42, 1, 0, 0}), again(size, {42, 1, 0, 0}),
        other(size, {42, 1, 0, 1});
    size_t same = 0;
    for (size_t i = 0; i < 1000; ++i) {
      EXPECT_EQ(order[i], again[i]);
      same += order[i] == other[i] ? 1 : 0;
    }
    EXPECT_LT(same, 10u);
  }
}

}  // namespace line_order_test
}  // namespace madx

#include "madx/train/schedule.h"

#include <gtest/gtest.h>

namespace madx {
namespace schedule_test {

TEST(Schedule, WarmsUpLinearlyThenDecaysLinearlyToZero) {
  EXPECT_DOUBLE_EQ(warmup_linear_decay(0, 4, 12), 0.25);
  EXPECT_DOUBLE_EQ(warmup_linear_decay(3, 4, 12), 1);
  EXPECT_DOUBLE_EQ(warmup_linear_decay(4, 4, 12), 1);
  EXPECT_DOUBLE_EQ(warmup_linear_decay(8, 4, 12), 0.5);
  EXPECT_DOUBLE_EQ(warmup_linear_decay(11, 4, 12), 0.125);
  EXPECT_DOUBLE_EQ(warmup_linear_decay(12, 4, 12), 0);
}

TEST(Schedule, StartsAtThePeakWithoutWarmUp) {
  EXPECT_DOUBLE_EQ(warmup_linear_decay(0, 0, 10), 1);
  EXPECT_DOUBLE_EQ(warmup_linear_decay(9, 0, 10), 0.1);
}

TEST(Schedule, NeverStandsStillWhileStepsAreLeft) {
  for (const int64_t warmup : {0, 1, 5, 9, 10, 20}) {
    for (int64_t step = 0; step < 10; ++step) {
      const auto factor = warmup_linear_decay(step, warmup, 10);
      EXPECT_GT(factor, 0) << warmup << " " << step;
      EXPECT_LE(factor, 1) << warmup << " " << step;
    }
  }
}

}  // namespace schedule_test
}  // namespace madx

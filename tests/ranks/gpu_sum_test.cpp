// Sums on GPUs: the code that calls NCCL, over an emulation of it on CPUs (emulated_nccl).
#include <gmock/gmock.h>

#include "ranks/mpirun.h"

namespace madx::apps {
namespace gpu_sum_test {

using testing::HasSubstr;
using testing::Not;

/// `sums` sums on so many ranks, of which `failing` fails before the last.
ProgramResult run_sums(int ranks, int failing, int sums) {
  const MpiEnvironment environment;
  return run_file(mpirun(), {"-q", "-n", std::to_string(ranks), MADX_SUM_ON_RANKS,
                             std::to_string(failing), std::to_string(sums)});
}

TEST(GpuSum, IsTheSumOnEveryRank) {
  for (const int ranks : {2, 4}) {
    const auto result = run_sums(ranks, /*failing=*/-1, 3);
    EXPECT_EQ(result.status, 0) << result;
    EXPECT_EQ(result.out, "3 times three sums over " + std::to_string(ranks) + "\n") << result;
    for (int rank = 0; rank < ranks; ++rank) {
      EXPECT_THAT(result.err,
                  HasSubstr("rank " + std::to_string(rank) + " let NCCL go after 9 sums\n"));
    }
  }
}

TEST(GpuSum, OfARankThatFailsEndsOnTheOthersByItsName) {
  const auto later = run_sums(2, /*failing=*/1, 3);
  EXPECT_EQ(later.status, 1) << later;
  EXPECT_THAT(later.err, HasSubstr("sum_on_ranks: rank 1 fails")) << later;
  EXPECT_THAT(later.err, HasSubstr("rank 0 let NCCL go after 7 sums")) << later;

  const auto at_once = run_sums(4, /*failing=*/2, 1);  // before NCCL has begun
  EXPECT_EQ(at_once.status, 1) << at_once;
  EXPECT_THAT(at_once.err, HasSubstr("sum_on_ranks: rank 2 fails")) << at_once;
  EXPECT_THAT(at_once.err, HasSubstr("rank 0 let NCCL go after 0 sums")) << at_once;
}

TEST(GpuSum, WhatNcclReportsIsTheError) {
  const auto expected = [](const std::string& found) {
    return "sum_on_ranks: NCCL on rank 1: expected sums over the ranks' GPUs, each of them one "
           "rank's, but found " +
           found + " (planted by the test); NCCL_DEBUG=INFO";
  };
  {
    const WithVariable fault("MADX_TEST_NCCL_FAULT", "begin=1");
    const auto result = run_sums(2, /*failing=*/-1, 1);
    EXPECT_EQ(result.status, 1) << result;
    EXPECT_THAT(result.err, HasSubstr(expected("invalid usage"))) << result;
  }
  const WithVariable fault("MADX_TEST_NCCL_FAULT", "second sum=1");
  const auto result = run_sums(2, /*failing=*/-1, 3);
  EXPECT_EQ(result.status, 1) << result;
  EXPECT_THAT(result.err, HasSubstr(expected("unhandled cuda error"))) << result;
  EXPECT_THAT(result.out, Not(HasSubstr("three sums"))) << result;
}

}  // namespace gpu_sum_test
}  // namespace madx::apps

// Signals that end a run: the first asks, an impatient second one does not wait.
#include "apps/run/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace madx::apps {
namespace interrupt_test {

constexpr int kAsked = 7, kNotAsked = 8;

/// Ends with kAsked where `signals`, one after the other, have asked a guarded run to stop.
[[noreturn]] void run_under(std::initializer_list<int> signals) {
  handle_interrupts();
  const InterruptGuard guard;
  for (const int signal : signals) std::raise(signal);
  std::_Exit(guard.requested() ? kAsked : kNotAsked);
}

TEST(Interrupt, AsksAGuardedRunToStop) {
  EXPECT_EXIT(run_under({}), testing::ExitedWithCode(kNotAsked), "");
  EXPECT_EXIT(run_under({SIGINT}), testing::ExitedWithCode(kAsked), "");
  EXPECT_EXIT(run_under({SIGTERM}), testing::ExitedWithCode(kAsked), "");
}

TEST(Interrupt, TakesTheSignalsOfADyingParentsThreadsForOneRequest) {
  EXPECT_EXIT(run_under({SIGTERM, SIGTERM, SIGTERM}), testing::ExitedWithCode(kAsked), "");
}

TEST(Interrupt, EndsAtOnceWhenAskedAgain) {
  EXPECT_EXIT(run_under({SIGINT, SIGINT}), testing::ExitedWithCode(130), "");
  EXPECT_EXIT(run_under({SIGTERM, SIGINT}), testing::ExitedWithCode(130), "");
}

}  // namespace interrupt_test
}  // namespace madx::apps

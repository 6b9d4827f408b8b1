// One directory, many that want it: for tools/sanitize thread, too.
#include "apps/run/directory_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "io/test_files.h"

namespace madx::apps {
namespace directory_lock_test {

TEST(DirectoryLock, IsHeldByOneAtATime) {
  const io::TemporaryFolder folder;
  std::atomic<int> holders{0}, most{0}, held{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        try {
          const DirectoryLock lock(folder.path());
          const int now = ++holders;
          if (now > most) most = now;
          ++held;
          --holders;
        } catch (const InputError&) {  // another has it
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(held, 0);
}

}  // namespace directory_lock_test
}  // namespace madx::apps

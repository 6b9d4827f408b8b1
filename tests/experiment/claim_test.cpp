// Claims: one has a piece of work, until it is done or gone.
#include "apps/experiment/claim.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <thread>
#include <vector>

#include "io/test_files.h"

namespace madx::apps {
namespace claim_test {

using testing::HasSubstr;

/// The file was last touched so many seconds ago.
void make_older(const std::string& path, int64_t seconds) {
  const timespec times[2] = {{std::time(nullptr) - seconds, 0}, {std::time(nullptr) - seconds, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

size_t files_in(const std::string& folder) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    count += !entry.path().empty();
  return count;
}

TEST(Claim, IsOfOneUntilGivenBack) {
  const io::TemporaryFolder folder;
  auto first = Claim::acquire(folder / "x.claim");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(Claim::acquire(folder / "x.claim"), nullptr);
  EXPECT_THAT(claimed_by(folder / "x.claim"), HasSubstr("process " + std::to_string(getpid())));
  first.reset();
  EXPECT_EQ(claimed_by(folder / "x.claim"), "");
  EXPECT_NE(Claim::acquire(folder / "x.claim"), nullptr);
  EXPECT_EQ(files_in(folder.path()), 0u) << "nothing is left behind";
}

TEST(Claim, OfAProcessThatIsGoneExpiresAtOnce) {
  const io::TemporaryFolder folder;
  const auto path = folder / "x.claim";
  const pid_t child = fork();
  if (child == 0) {
    auto claim = Claim::acquire(path);
    const bool got = claim.release() != nullptr;  // as a killed process leaves it
    _exit(got ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_EQ(claimed_by(path), "");
  EXPECT_NE(Claim::acquire(path), nullptr);
}

TEST(Claim, OfAnotherMachineExpiresWhenItIsNotRenewed) {
  const io::TemporaryFolder folder;
  const auto path = folder / "x.claim";
  io::write_bytes(path, "elsewhere 1 12345 elsewhere-1-12345-0");
  EXPECT_EQ(Claim::acquire(path), nullptr);
  EXPECT_EQ(claimed_by(path), "elsewhere, process 1");
  make_older(path, static_cast<int64_t>(Claim::kExpires) - 10);
  EXPECT_EQ(Claim::acquire(path), nullptr);
  make_older(path, static_cast<int64_t>(Claim::kExpires) + 10);
  EXPECT_NE(Claim::acquire(path), nullptr);
}

TEST(Claim, IsRenewedAndKnowsWhenItIsLost) {
  const io::TemporaryFolder folder;
  const auto path = folder / "x.claim";
  const auto claim = Claim::acquire(path);
  ASSERT_NE(claim, nullptr);
  make_older(path, 50);
  EXPECT_TRUE(claim->renew());
  struct stat file = {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_LT(std::time(nullptr) - file.st_mtime, 10);
  io::write_bytes(path, "elsewhere 1 12345 elsewhere-1-12345-0");
  EXPECT_FALSE(claim->renew());
}

TEST(Claim, IsTakenByOneOfManyThatFindItExpired) {
  const io::TemporaryFolder folder;
  const auto path = folder / "x.claim";
  for (int round = 0; round < 50; ++round) {
    io::write_bytes(path, "elsewhere 1 12345 elsewhere-1-12345-0");
    make_older(path, 1000);
    std::atomic<int> got{0}, ready{0};
    std::vector<std::unique_ptr<Claim>> claims(8);
    std::vector<std::thread> threads;
    for (auto& claim : claims) {
      threads.emplace_back([&] {
        ++ready;
        while (ready < 8) std::this_thread::yield();
        claim = Claim::acquire(path);
        if (claim != nullptr) ++got;
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(got, 1) << "round " << round;
  }
}

}  // namespace claim_test
}  // namespace madx::apps

// Claims on pieces of work: one owner at a time, whoever else asks, and none that outlives its
// owner.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "apps/experiment/claim.h"

namespace madx::apps {
namespace claim_owner_test {

namespace fs = std::filesystem;

class ClaimOwners : public testing::Test {
 protected:
  ClaimOwners() {
    std::string name = (fs::temp_directory_path() / "madx_claim_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ClaimOwners() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ + "/piece.claim"; }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_))
      all.push_back(entry.path().filename());
    return all;
  }
  std::string words() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// The claim of a machine that this one cannot look into.
  void claim_elsewhere() const {
    std::ofstream(path()) << "elsewhere 7 1@other-boot/pid:[1] token";
  }
  void make_old(int seconds) const {
    timespec times[2] = {};
    ::clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= seconds;
    times[1] = times[0];
    ::utimensat(AT_FDCWD, path().c_str(), times, 0);
  }

  std::string folder_;
};

TEST_F(ClaimOwners, HaveAClaimUntilTheyGiveItBack) {
  auto claim = Claim::acquire(path());
  ASSERT_NE(claim, nullptr);
  EXPECT_EQ(Claim::acquire(path()), nullptr);
  EXPECT_NE(claimed_by(path()).find("process " + std::to_string(::getpid())), std::string::npos);
  EXPECT_TRUE(claim->renew());
  claim.reset();
  EXPECT_EQ(claimed_by(path()), "");
  EXPECT_TRUE(names().empty()) << names()[0];
  EXPECT_NE(Claim::acquire(path()), nullptr);
}

TEST_F(ClaimOwners, OnAnotherMachineLoseAClaimThatIsAMinuteOld) {
  claim_elsewhere();
  EXPECT_EQ(Claim::acquire(path()), nullptr);
  EXPECT_EQ(claimed_by(path()), "elsewhere, process 7");
  make_old(50);
  EXPECT_EQ(Claim::acquire(path()), nullptr);
  make_old(70);
  EXPECT_EQ(claimed_by(path()), "");
  const auto claim = Claim::acquire(path());
  ASSERT_NE(claim, nullptr);
  EXPECT_TRUE(claim->renew());
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(ClaimOwners, OnAMachineOfThisNameAreNotSoughtAmongItsProcesses) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  std::ofstream(path()) << host << " 999999999 1@other-boot/pid:[1] token";  // no process here
  EXPECT_EQ(Claim::acquire(path()), nullptr);
}

TEST_F(ClaimOwners, ThatWereKilledLoseAClaimAtOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto claim = Claim::acquire(path());
    for (;;) ::pause();
  }
  while (words().empty()) std::this_thread::yield();
  EXPECT_EQ(Claim::acquire(path()), nullptr);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_NE(Claim::acquire(path()), nullptr);
}

// Numbers of processes are given anew: this one's belonged to the claim's owner, which is gone.
TEST_F(ClaimOwners, WhoseNumberAnotherProcessHasNowLoseAClaimAtOnce) {
  auto claim = Claim::acquire(path());
  auto text = words();
  const auto start = text.find(' ', text.find(' ') + 1) + 1;
  ASSERT_TRUE(std::isdigit(text[start])) << text;
  claim.reset();
  text[start] = text[start] == '1' ? '2' : '1';  // it began at another time
  std::ofstream(path()) << text;
  EXPECT_EQ(claimed_by(path()), "");
  EXPECT_NE(Claim::acquire(path()), nullptr);
}

TEST_F(ClaimOwners, ThatWroteNothingLoseAClaimByItsAgeAlone) {
  std::ofstream(path()).flush();  // cut short by a crash
  EXPECT_EQ(Claim::acquire(path()), nullptr);
  make_old(70);
  EXPECT_NE(Claim::acquire(path()), nullptr);
}

TEST_F(ClaimOwners, ThatSleptHearThatTheyLostAClaim) {
  const auto claim = Claim::acquire(path());
  ASSERT_NE(claim, nullptr);
  fs::remove(path());
  claim_elsewhere();
  EXPECT_FALSE(claim->renew());
}

TEST_F(ClaimOwners, ThatLostAClaimDoNotGiveItBack) {
  auto claim = Claim::acquire(path());
  fs::remove(path());
  claim_elsewhere();
  claim.reset();
  EXPECT_EQ(claimed_by(path()), "elsewhere, process 7");
}

/// Threads, each with its number of wins, that ask for one claim at once.
int owners_of_one_claim(const std::string& path) {
  constexpr int kThreads = 16;
  std::atomic<int> ready{0}, owners{0};
  std::vector<std::unique_ptr<Claim>> claims(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      claims[i] = Claim::acquire(path);
      if (claims[i] != nullptr) ++owners;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& claim : claims)
    if (claim != nullptr && !claim->renew()) --owners;  // it was taken, and its owner knows
  return owners;
}

TEST_F(ClaimOwners, AreOneOfManyThreadsThatAskAtOnce) {
  for (int round = 0; round < 50; ++round) ASSERT_EQ(owners_of_one_claim(path()), 1);
}

TEST_F(ClaimOwners, AreOneAtMostOfManyThatFindAClaimExpired) {
  int taken = 0;
  for (int round = 0; round < 50; ++round) {
    claim_elsewhere();
    make_old(70);
    const int owners = owners_of_one_claim(path());
    ASSERT_LE(owners, 1);
    taken += owners;
    fs::remove(path());
  }
  EXPECT_GT(taken, 40);
}

TEST_F(ClaimOwners, AreOneOfManyProcessesThatAskAtOnce) {
  constexpr int kProcesses = 8;
  for (int round = 0; round < 5; ++round) {
    int gate[2], answers[2];
    ASSERT_EQ(::pipe(gate), 0);
    ASSERT_EQ(::pipe(answers), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
      children.push_back(::fork());
      if (children.back() != 0) continue;
      ::close(gate[1]);
      ::close(answers[0]);
      char nothing;
      while (::read(gate[0], &nothing, 1) > 0) {
      }
      const auto claim = Claim::acquire(path());
      const char answer = claim != nullptr ? '1' : '0';
      if (::write(answers[1], &answer, 1) != 1) ::_exit(1);
      ::close(answers[1]);
      ::usleep(200000);
      ::_exit(0);
    }
    ::close(gate[0]);
    ::close(answers[1]);
    ::close(gate[1]);
    int owners = 0;
    for (char answer; ::read(answers[0], &answer, 1) > 0;) owners += answer == '1' ? 1 : 0;
    ::close(answers[0]);
    for (const auto child : children) ::waitpid(child, nullptr, 0);
    EXPECT_EQ(owners, 1);
    fs::remove(path());  // of the owner that ended without giving it back
  }
}

}  // namespace claim_owner_test
}  // namespace madx::apps

// What is written is on the disk before it has its name, so that a power cut leaves the old or the
// new. This program's own fsync and rename stand before libc's and tell what is called.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "io/output_file.h"
#include "madx/io/new_directory.h"
#include "madx/io/write_file.h"
#include "test_files.h"

namespace madx::io {
namespace synced_test {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::vector<std::string>* calls = nullptr;  // where one listens
int fsync_error = 0;                        // what fsync fails with

/// The last name in the path, "*" for one that is temporary.
std::string shown(const std::string& path) {
  const auto name = fs::path(path).filename().string();
  return name.find(".tmp") == std::string::npos ? name : "*";
}

class Synced : public testing::Test {
 protected:
  Synced() { calls = &calls_; }
  ~Synced() override {
    calls = nullptr;
    fsync_error = 0;
  }

  TemporaryFolder folder_;
  std::vector<std::string> calls_;
};

TEST_F(Synced, IsAFileBeforeItHasItsName) {
  write_file(folder_ / "x", "text");
  EXPECT_THAT(calls_, ElementsAre("sync *", "rename * x"));
}

TEST_F(Synced, IsAllOfADirectoryBeforeItHasItsNameAndThenTheName) {
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  fs::create_directory(output.path() + "/sub");
  write_bytes(output.path() + "/sub/x", "text");
  write_bytes(output.path() + "/y", "text");
  output.commit();
  ASSERT_EQ(calls_.size(), 6u);
  const auto named = calls_.begin() + 4;
  EXPECT_THAT(std::vector<std::string>(calls_.begin(), named),
              UnorderedElementsAre("sync x", "sync y", "sync sub", "sync *"));
  EXPECT_EQ(*named, "rename * out");
  EXPECT_EQ(named[1], "sync " + shown(folder_.path()));
}

TEST_F(Synced, OrElseItFails) {
  write_file(folder_ / "x", "old");
  fsync_error = EIO;
  EXPECT_THROW(write_file(folder_ / "x", "new"), MachineError);
  EXPECT_EQ(read_bytes(folder_ / "x"), "old");
  {
    NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
    EXPECT_THROW(output.commit(), MachineError);
  }
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Synced, OrElseItFailsWhateverWasWrittenAfterTheFailure) {
  auto* const before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit usual = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  OutputFile file(folder_ / "x");
  const rlimit few = {4, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &few), 0);
  file.write("too long", 8);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  std::signal(SIGXFSZ, before);
  file.write("more", 4);
  EXPECT_THROW(file.commit(), MachineError);
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

}  // namespace synced_test
}  // namespace madx::io

extern "C" int fsync(int file) {
  using namespace madx::io::synced_test;
  if (calls != nullptr) {
    const auto path = fs::read_symlink("/proc/self/fd/" + std::to_string(file));
    calls->push_back("sync " + shown(path));
  }
  if (fsync_error != 0) {
    errno = fsync_error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, file));
}

extern "C" int rename(const char* from, const char* to) noexcept {
  using namespace madx::io::synced_test;
  if (calls != nullptr) calls->push_back("rename " + shown(from) + " " + shown(to));
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

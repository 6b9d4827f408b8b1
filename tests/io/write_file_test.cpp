#include "madx/io/write_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/output_file.h"
#include "madx/core/error.h"

namespace madx::io {
namespace write_file_test {

namespace fs = std::filesystem;

class WriteFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "madx_write_file_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  int64_t files_here() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  fs::path folder_;
};

TEST_F(WriteFile, WritesEveryByteAndLeavesNothingElse) {
  const std::string bytes("a\0b\r\n\xff", 6);
  write_file(at("x.bin"), bytes);
  EXPECT_EQ(read(at("x.bin")), bytes);
  EXPECT_EQ(files_here(), 1);
}

TEST_F(WriteFile, ReplacesAnOlderFileAndTakesAnEmptyOne) {
  write_file(at("x"), "a longer text");
  write_file(at("x"), "short");
  EXPECT_EQ(read(at("x")), "short");
  write_file(at("x"), "");
  EXPECT_EQ(read(at("x")), "");
}

TEST_F(WriteFile, WritesThroughASymbolicLink) {
  write_file(at("real"), "old");
  fs::create_symlink(at("real"), at("link"));
  write_file(at("link"), "new");
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read(at("real")), "new");
}

/// The name without its last number, and that number.
std::pair<std::string, uint64_t> numbered(const std::string& name) {
  const auto digits = name.rfind('.') + 1;
  return {name.substr(0, digits), std::stoull(name.substr(digits))};
}

// Of another process with the same pid: in a container, or on another machine.
TEST_F(WriteFile, LeavesATemporaryFileOfSomebodyElse) {
  std::string next;
  {
    const OutputFile first(at("x"));
    const auto [start, number] = numbered(fs::directory_iterator(folder_)->path().string());
    next = start + std::to_string(number + 1);
  }
  EXPECT_EQ(files_here(), 0);
  std::ofstream(next) << "theirs, as long as it is";
  OutputFile second(at("x"));
  second.write("ours", 4);
  second.commit();
  EXPECT_EQ(read(at("x")), "ours");
  EXPECT_EQ(read(next), "theirs, as long as it is");
}

TEST_F(WriteFile, CanBeReadBeforeItHasItsName) {
  OutputFile file(at("x"));
  file.write("text", 4);
  EXPECT_EQ(read(file.finish()), "text");
  EXPECT_FALSE(fs::exists(at("x")));
  file.commit();
  EXPECT_EQ(read(at("x")), "text");
  EXPECT_EQ(files_here(), 1);
}

TEST_F(WriteFile, CallsAMissingFolderTheUsersMistake) {
  try {
    write_file(at("no/such/file"), "x");
    FAIL() << "expected InputError";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(at("no/such/file")), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("No such file or directory"), std::string::npos);
  }
}

TEST_F(WriteFile, RefusesADirectory) {
  EXPECT_THROW(write_file(folder_.string(), "x"), InputError);
  EXPECT_TRUE(fs::is_directory(folder_));
}

TEST_F(WriteFile, CallsMissingPermissionTheUsersMistake) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THROW(write_file(at("x"), "x"), InputError);
  fs::permissions(folder_, fs::perms::owner_all);
}

TEST_F(WriteFile, CallsAFullDiskAFailureOfTheMachine) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
  try {
    write_file("/dev/full", "x");
    FAIL() << "expected MachineError";
  } catch (const MachineError& error) {
    EXPECT_NE(std::string(error.what()).find("/dev/full"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("No space left"), std::string::npos);
  }
  EXPECT_TRUE(fs::is_character_file("/dev/full")) << "a device must not be replaced by a file";
}

}  // namespace write_file_test
}  // namespace madx::io

#include "madx/core/read_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "madx/data/tokenizer.h"
#include "madx/data/utf8.h"
#include "test_files.h"

namespace madx {
namespace read_bytes_test {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// A file that every user has, and that fails when it is read.
constexpr const char* kFailing = "/proc/self/mem";

template <class Act>
std::string machine_error_of(Act act) {
  try {
    act();
  } catch (const MachineError& error) {
    return error.what();
  }
  return "";
}

TEST(ReadBytes, GivesEveryByteOfAFile) {
  const std::string bytes("a\0b\r\n\xff", 6);
  EXPECT_EQ(read_bytes(write_test_file(bytes)), bytes);
  EXPECT_EQ(read_bytes(write_test_file("")), "");
  const std::string large(3'000'001, 'x');
  EXPECT_EQ(read_bytes(write_test_file(large)), large);
}

TEST(ReadBytes, ReadsWhatHasNoSizeToItsEnd) {
  if (fs::exists("/proc/self/status")) {
    EXPECT_THAT(read_bytes("/proc/self/status"), HasSubstr("Pid:"));
  }
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string bytes(200'000, 'y');
  std::thread writer([&] {
    EXPECT_EQ(::write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::close(ends[1]);
  });
  EXPECT_EQ(read_bytes("/dev/fd/" + std::to_string(ends[0])), bytes);
  writer.join();
  ::close(ends[0]);
}

TEST(ReadBytes, CallsAMissingFileAndADirectoryTheUsersMistake) {
  EXPECT_EQ(input_error_of([] { read_bytes("/nowhere"); }),
            "/nowhere: expected a readable file, but found none that can be opened (No such file "
            "or directory); check the path");
  EXPECT_EQ(input_error_of([] { read_bytes("/", "a results.json"); }),
            "/: expected a results.json, but found a directory; name a file in it");
}

TEST(ReadBytes, CallsMissingPermissionTheUsersMistake) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const auto path = write_test_file("x");
  fs::permissions(path, fs::perms::none);
  EXPECT_THAT(input_error_of([&] { read_bytes(path); }), HasSubstr("(Permission denied)"));
  fs::permissions(path, fs::perms::owner_all);
}

TEST(ReadBytes, NamesTheFileThatTheMachineCannotRead) {
  if (!fs::exists(kFailing)) GTEST_SKIP() << "no " << kFailing << " on this system";
  EXPECT_EQ(machine_error_of([] { read_bytes(kFailing); }),
            "/proc/self/mem: expected to read the file, but found: Input/output error; check the "
            "disk, and run the command again");
  EXPECT_THAT(machine_error_of([] { read_utf8_lines(kFailing); }), StartsWith(kFailing));
}

TEST(ReadBytes, NamesTheFileOfATokenizer) {
  const fs::path folder = fs::path(testing::TempDir()) / "madx_unreadable_tokenizer";
  fs::remove_all(folder);
  fs::create_directories(folder / "tokenizer_config.json");
  std::ofstream(folder / "vocab.txt") << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  EXPECT_THAT(input_error_of([&] { load_tokenizer(folder.string()); }),
              AllOf(StartsWith((folder / "tokenizer_config.json").string()),
                    HasSubstr("but found a directory")));
  if (fs::exists(kFailing)) {
    fs::remove(folder / "vocab.txt");
    fs::create_symlink(kFailing, folder / "vocab.txt");
    EXPECT_THAT(machine_error_of([&] { load_tokenizer(folder.string()); }),
                AllOf(StartsWith((folder / "vocab.txt").string()), HasSubstr("Input/output")));
  }
  fs::remove_all(folder);
}

}  // namespace read_bytes_test
}  // namespace madx

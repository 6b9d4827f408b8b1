#include "madx/io/new_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "test_files.h"

namespace madx::io {
namespace new_directory_test {

namespace fs = std::filesystem;

class NewDirectoryTest : public ::testing::Test {
 protected:
  std::string error_on(const std::string& path,
                       ExistingDirectory existing = ExistingDirectory::kRefuse) {
    return input_error_of([&] { NewDirectory directory(path, existing); });
  }
  int64_t entries() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }

  TemporaryFolder folder_;
};

TEST_F(NewDirectoryTest, AppearsOnlyWhenCommitted) {
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  fs::create_directory(output.path() + "/sub");
  write_bytes(output.path() + "/sub/x", "text");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  output.commit();
  EXPECT_EQ(read_bytes(folder_ / "out/sub/x"), "text");
  EXPECT_EQ(entries(), 1);
}

TEST_F(NewDirectoryTest, LeavesNothingWithoutCommit) {
  {
    NewDirectory output(folder_ / "new/parents/out", ExistingDirectory::kRefuse);
    write_bytes(output.path() + "/x", "text");
  }
  EXPECT_TRUE(folder_.is_empty());
}

TEST_F(NewDirectoryTest, MakesMissingParentsAndTakesATrailingSlash) {
  NewDirectory output(folder_ / "new/parents/out/", ExistingDirectory::kRefuse);
  write_bytes(output.path() + "/x", "text");
  output.commit();
  EXPECT_EQ(read_bytes(folder_ / "new/parents/out/x"), "text");
}

TEST_F(NewDirectoryTest, HasThePermissionsOfAnyNewDirectory) {
  fs::create_directory(folder_ / "usual");
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  output.commit();
  EXPECT_EQ(fs::status(folder_ / "out").permissions(), fs::status(folder_ / "usual").permissions());
}

TEST_F(NewDirectoryTest, TakesThePlaceOfAnEmptyDirectory) {
  fs::create_directory(folder_ / "out");
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  write_bytes(output.path() + "/x", "text");
  output.commit();
  EXPECT_EQ(read_bytes(folder_ / "out/x"), "text");
}

TEST_F(NewDirectoryTest, RefusesADirectoryWithContentAndAFile) {
  fs::create_directory(folder_ / "out");
  write_bytes(folder_ / "out/old", "old");
  EXPECT_NE(error_on(folder_ / "out").find("found one with content; remove it"), std::string::npos);
  EXPECT_NE(error_on(folder_ / "out/old", ExistingDirectory::kReplace).find("found a file"),
            std::string::npos);
  EXPECT_NE(error_on(folder_ / "out/old/below").find("choose another one"), std::string::npos);
  EXPECT_NE(error_on("").find("choose a name"), std::string::npos);
  EXPECT_NE(error_on("/").find("choose a name"), std::string::npos);
  EXPECT_EQ(read_bytes(folder_ / "out/old"), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(NewDirectoryTest, ReplacesTheOldDirectoryAtCommit) {
  fs::create_directory(folder_ / "out");
  write_bytes(folder_ / "out/old", "old");
  NewDirectory output(folder_ / "out", ExistingDirectory::kReplace);
  write_bytes(output.path() + "/new", "new");
  EXPECT_EQ(read_bytes(folder_ / "out/old"), "old");
  output.commit();
  EXPECT_FALSE(fs::exists(folder_ / "out/old"));
  EXPECT_EQ(read_bytes(folder_ / "out/new"), "new");
  EXPECT_EQ(entries(), 1);
}

TEST_F(NewDirectoryTest, KeepsTheOldDirectoryWithoutCommit) {
  fs::create_directory(folder_ / "out");
  write_bytes(folder_ / "out/old", "old");
  { NewDirectory output(folder_ / "out", ExistingDirectory::kReplace); }
  EXPECT_EQ(read_bytes(folder_ / "out/old"), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(NewDirectoryTest, WritesWhereASymbolicLinkPoints) {
  fs::create_directory(folder_ / "real");
  fs::create_directory_symlink(folder_ / "real", folder_ / "link");
  NewDirectory output(folder_ / "link", ExistingDirectory::kRefuse);
  write_bytes(output.path() + "/x", "text");
  output.commit();
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_bytes(folder_ / "real/x"), "text");
}

TEST_F(NewDirectoryTest, RefusesWhatSomebodyElseWroteMeanwhile) {
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  fs::create_directory(folder_ / "out");
  write_bytes(folder_ / "out/theirs", "theirs");
  EXPECT_NE(input_error_of([&] { output.commit(); }).find("found one with content"),
            std::string::npos);
  EXPECT_EQ(read_bytes(folder_ / "out/theirs"), "theirs");
}

TEST_F(NewDirectoryTest, CallsAFailingRenameAFailureOfTheMachine) {
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  fs::remove_all(output.path());
  EXPECT_THROW(output.commit(), MachineError);
}

TEST_F(NewDirectoryTest, TwoMayBeWrittenBesideEachOther) {
  NewDirectory one(folder_ / "out", ExistingDirectory::kReplace);
  NewDirectory two(folder_ / "out", ExistingDirectory::kReplace);
  EXPECT_NE(one.path(), two.path());
  one.commit();
  two.commit();
  EXPECT_EQ(entries(), 1);
}

TEST_F(NewDirectoryTest, RefusesASymbolicLinkToNothing) {
  fs::create_symlink("nowhere", folder_ / "link");
  for (const std::string name : {"link", "link/"}) {
    const auto error = error_on(folder_ / name, ExistingDirectory::kReplace);
    EXPECT_NE(error.find("found a symbolic link to nothing; remove it or choose another name"),
              std::string::npos)
        << error;
  }
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_NE(error_on(folder_ / "loop").find("Too many levels of symbolic links"),
            std::string::npos);
  EXPECT_EQ(entries(), 2);
}

TEST_F(NewDirectoryTest, SaysThatANameIsTooLong) {
  EXPECT_NE(error_on(folder_ / std::string(300, 'x')).find("File name too long; choose another"),
            std::string::npos);
  EXPECT_NE(error_on(folder_ / (std::string(300, 'x') + "/out")).find("File name too long"),
            std::string::npos);
}

TEST_F(NewDirectoryTest, NeedsNoRightToReadItsParent) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everywhere";
  fs::permissions(folder_.path(), fs::perms::owner_write | fs::perms::owner_exec);
  NewDirectory output(folder_ / "out", ExistingDirectory::kRefuse);
  write_bytes(output.path() + "/x", "text");
  EXPECT_NO_THROW(output.commit());
  EXPECT_EQ(read_bytes(folder_ / "out/x"), "text");
  fs::permissions(folder_.path(), fs::perms::owner_all);
}

TEST_F(NewDirectoryTest, CallsMissingPermissionTheUsersMistake) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_NE(error_on(folder_ / "out").find("Permission denied"), std::string::npos);
  fs::permissions(folder_.path(), fs::perms::owner_all);
}

}  // namespace new_directory_test
}  // namespace madx::io

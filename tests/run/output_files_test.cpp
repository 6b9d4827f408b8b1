// What a process that was killed leaves beside the names that it was writing.
#include "apps/run/output_files.h"

#include <gmock/gmock.h>

#include "io/test_files.h"

namespace madx::apps {
namespace output_files_test {

using testing::ElementsAre;

class OutputFilesTest : public testing::Test {
 protected:
  void make(const std::string& name, const std::string& content) {
    std::filesystem::create_directory(folder_ / name);
    io::write_bytes(folder_ / (name + "/step"), content);
  }
  std::string step(const std::string& name) { return io::read_bytes(folder_ / (name + "/step")); }

  io::TemporaryFolder folder_;
};

TEST_F(OutputFilesTest, WhatWasSetAsideIsPutBackWhereNothingTookItsPlace) {
  make("checkpoint.tmp71.0", "2");
  make("checkpoint.tmp71.0.old", "1");
  put_back(folder_.path());
  EXPECT_EQ(step("checkpoint"), "1");
  remove_unfinished(folder_.path());
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("checkpoint"));
}

TEST_F(OutputFilesTest, WhatWasSetAsideIsRemovedWhereItsPlaceIsTaken) {
  make("checkpoint", "2");
  make("checkpoint.tmp71.0.old", "1");
  make("notes.old", "mine");
  put_back(folder_.path());
  EXPECT_EQ(step("checkpoint"), "2");
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("checkpoint", "notes.old"));
}

TEST_F(OutputFilesTest, AUsersNamesAreNotTakenForTemporaryOnes) {
  for (const char* name : {"notes.tmp", "notes.tmp1b", "notes", ".tmp", "notes.tmp1.old"})
    EXPECT_FALSE(is_unfinished(name)) << name;
  for (const char* name : {"x.tmp71", "x.tmp71.123.0", "x.tmp1.tmp2"})
    EXPECT_TRUE(is_unfinished(name)) << name;
  make("notes.tmp", "mine");
  make("x.tmp71.0", "left");
  remove_unfinished(folder_.path());
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("notes.tmp"));
}

}  // namespace output_files_test
}  // namespace madx::apps

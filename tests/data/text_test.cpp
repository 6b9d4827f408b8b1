#include "madx/data/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "madx/core/error.h"
#include "test_files.h"

namespace madx {
namespace text_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TextCorpusTest : public testing::Test {
 protected:
  TextCorpusTest()
      : folder_(fs::path(testing::TempDir()) / ("madx_text_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~TextCorpusTest() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) const {
    const auto path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  static std::vector<std::string> lines_of(const TextCorpus& corpus) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < corpus.size(); ++i) lines.emplace_back(corpus.line(i));
    return lines;
  }

  static std::string error_of(const std::vector<std::string>& paths) {
    return input_error_of([&] { TextCorpus corpus(paths); });
  }

  fs::path folder_;
};

using Lines = std::vector<std::string>;

TEST_F(TextCorpusTest, ReadsLinesInTheOrderOfItsFiles) {
  const TextCorpus corpus({write("a", "one\ntwo\n"), write("b", "kolme"), write("c", "4\n5\n")});
  EXPECT_EQ(lines_of(corpus), (Lines{"one", "two", "kolme", "4", "5"}));
  EXPECT_EQ(corpus.file_count(), 3u);
  EXPECT_EQ(corpus.file_of(1), 0u);
  EXPECT_EQ(corpus.file_of(2), 1u);
  EXPECT_EQ(corpus.file_of(3), 2u);
  EXPECT_EQ(corpus.first_line(1), 2u);
  EXPECT_EQ(corpus.first_line(3), 5u);
  EXPECT_THROW(corpus.line(5), std::out_of_range);
}

TEST_F(TextCorpusTest, SkipsBlankLinesAndStripsLineEndings) {
  const TextCorpus corpus({write("a", "\n one \r\n\r\n \t\n\ntwo\r\nthr\ree\r")});
  EXPECT_EQ(lines_of(corpus), (Lines{" one ", "two", "thr", "ee"}));
  const TextCorpus twice({write("b", "one\r\r\n\r\r\ntwo\r\r\r\nthree\r\r")});
  EXPECT_EQ(lines_of(twice), (Lines{"one", "two", "three"}));
  const TextCorpus separators({write("c", "o\vn\fe\u0085\u2028\n")});
  EXPECT_EQ(lines_of(separators), Lines{"o\vn\fe\u0085\u2028"});
}

TEST_F(TextCorpusTest, SkipsByteOrderMarksBeforeLines) {
  const TextCorpus corpus(
      {write("a", "\uFEFFone\n\uFEFF\uFEFFtwo\n\uFEFF\nthr\uFEFFee\n\uFEFF \n")});
  EXPECT_EQ(lines_of(corpus), (Lines{"one", "two", "thr\uFEFFee"}));
}

TEST_F(TextCorpusTest, ReadsWhatACopyOutlives) {
  auto first = std::make_unique<TextCorpus>(std::vector<std::string>{write("a", "one\n")});
  const TextCorpus copy = *first;
  first.reset();
  EXPECT_EQ(copy.line(0), "one");
}

TEST_F(TextCorpusTest, FindsEveryLineOfAFileOfSeveralParts) {
  std::string bytes;
  Lines lines;
  for (int i = 0; bytes.size() < (40U << 20); ++i) {
    // Lines of all lengths between marks and beyond them, blank ones and every line end among them.
    lines.push_back(std::to_string(i) + std::string(static_cast<size_t>(i) * 7919 % 9001, 'x'));
    const char* const ends[] = {"\n", "\r\n", "\n\n \t\n", "\r\r\n", "\r", "\n\uFEFF"};
    bytes += lines.back() + ends[i % 6];
  }
  const TextCorpus corpus({write("a", bytes), write("b", "last\n")});
  lines.push_back("last");
  ASSERT_EQ(corpus.size(), lines.size());
  for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(corpus.line(i), lines[i]) << i;
  for (size_t i = lines.size(); i > 0; i -= std::min<size_t>(i, 977))
    ASSERT_EQ(corpus.line(i - 1), lines[i - 1]) << i;
}

TEST_F(TextCorpusTest, NamesTheLineOfAnErrorInALaterPart) {
  std::string bytes;
  size_t lines = 0;
  for (; bytes.size() < (40U << 20); ++lines) bytes += std::string(999, 'x') + "\r\n";
  EXPECT_THAT(
      error_of({write("a", bytes + "y\xFF\n")}),
      HasSubstr("a:" + std::to_string(lines + 1) + ": expected UTF-8, but found byte 0xFF"));
  bytes[bytes.size() / 2] = '\0';
  EXPECT_THAT(error_of({write("b", bytes)}), HasSubstr("expected text, but found a NUL byte at"));
}

TEST_F(TextCorpusTest, RefusesALineWhoseFileWasCutShortWithinAPage) {
  const auto path = write("a", "one\ntwo\nthree\n");
  const TextCorpus corpus({path});
  fs::resize_file(path, 5);
  EXPECT_EQ(corpus.line(0), "one");
  for (const size_t line : {1, 2}) {
    try {
      corpus.line(line);
      ADD_FAILURE() << "line " << line << " was read";
    } catch (const MachineError& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr(path + ": expected the file as it was when it was opened"));
    }
  }
}

TEST_F(TextCorpusTest, DoesNotSeeWhatIsAppended) {
  const auto path = write("a", "one\ntwo\n");
  const TextCorpus corpus({path});
  std::ofstream(path, std::ios::app) << "three\n";
  EXPECT_EQ(lines_of(corpus), (Lines{"one", "two"}));
}

TEST_F(TextCorpusTest, NamesFileLineAndColumnOfInvalidUtf8) {
  const auto path = write("a", "one\n\nü caf\xE9 x\n");
  EXPECT_EQ(error_of({write("b", "fine\n"), path}),
            path +
                ":3: expected UTF-8, but found byte 0xE9 at column 6; convert it, e.g. iconv -f "
                "latin1 -t utf8");
}

TEST_F(TextCorpusTest, RefusesUtf16AndNulBytes) {
  EXPECT_THAT(error_of({write("a", std::string("\xFF\xFEo\0n\0", 6))}),
              HasSubstr("a:1: expected UTF-8, but found byte 0xFF at column 1; convert it, e.g. "
                        "iconv -f utf-16 -t utf8"));
  EXPECT_THAT(error_of({write("b", std::string("one\nt\0wo\n", 9))}),
              HasSubstr("b:2: expected text, but found a NUL byte at column 2"));
}

TEST_F(TextCorpusTest, RefusesAFileWithoutText) {
  const auto empty = write("empty", "");
  EXPECT_THAT(error_of({empty}),
              HasSubstr(empty + ": expected a text file, but found an empty file"));
  for (const auto* bytes : {"\n \r\n\t\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"}) {
    EXPECT_THAT(error_of({write("blank", bytes)}), HasSubstr("but found only blank lines"));
  }
}

TEST_F(TextCorpusTest, RefusesAPathThatIsNoFile) {
  EXPECT_THAT(error_of({(folder_ / "none").string()}), HasSubstr("No such file or directory"));
  EXPECT_THAT(error_of({folder_.string()}), HasSubstr("but found a directory"));
  EXPECT_THAT(error_of({"/dev/null"}), HasSubstr("but found a device or pipe"));
  EXPECT_THAT(error_of({}), HasSubstr("expected at least one text file"));
}

}  // namespace text_test
}  // namespace madx

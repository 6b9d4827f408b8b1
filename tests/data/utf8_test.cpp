#include "madx/data/utf8.h"

#include "test_files.h"

namespace madx {
namespace utf8_test {

using Parts = std::vector<std::string_view>;

TEST(Utf8, AcceptsCodePointsOfEveryLength) {
  EXPECT_EQ(first_invalid_utf8(""), std::nullopt);
  EXPECT_EQ(first_invalid_utf8("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"), std::nullopt);
  EXPECT_EQ(first_invalid_utf8(std::string_view("\0", 1)), std::nullopt);
}

TEST(Utf8, AcceptsTheFirstAndTheLastCodePointOfEachLength) {
  EXPECT_EQ(first_invalid_utf8("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"), std::nullopt);
  EXPECT_EQ(first_invalid_utf8("\xED\x9F\xBF\xEE\x80\x80"), std::nullopt);
  EXPECT_EQ(first_invalid_utf8("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), std::nullopt);
}

TEST(Utf8, NamesTheOffsetOfTheFirstInvalidSequence) {
  EXPECT_EQ(first_invalid_utf8("ab\xFFz\xFF"), 2u);
  EXPECT_EQ(first_invalid_utf8("\xC3\xA9\x80"), 2u);
}

TEST(Utf8, RefusesOverlongForms) {
  EXPECT_EQ(first_invalid_utf8("\xC0\xAF"), 0u);
  EXPECT_EQ(first_invalid_utf8("\xC1\xBF"), 0u);
  EXPECT_EQ(first_invalid_utf8("\xE0\x9F\xBF"), 0u);
  EXPECT_EQ(first_invalid_utf8("\xF0\x8F\xBF\xBF"), 0u);
}

TEST(Utf8, RefusesSurrogates) {
  EXPECT_EQ(first_invalid_utf8("\xED\xA0\x80"), 0u);
  EXPECT_EQ(first_invalid_utf8("\xED\xBF\xBF"), 0u);
}

TEST(Utf8, RefusesCodePointsBeyondUnicode) {
  EXPECT_EQ(first_invalid_utf8("\xF4\x90\x80\x80"), 0u);
  EXPECT_EQ(first_invalid_utf8("\xF5\x80\x80\x80"), 0u);
}

TEST(Utf8, RefusesSequencesThatEndEarly) {
  EXPECT_EQ(first_invalid_utf8("a\xC3"), 1u);
  EXPECT_EQ(first_invalid_utf8("a\xE4\xB8"), 1u);
  EXPECT_EQ(first_invalid_utf8("a\xF0\x9F\x98"), 1u);
  EXPECT_EQ(first_invalid_utf8("\xE4\xB8z"), 0u);
  EXPECT_EQ(first_invalid_utf8("\xF0\x9F\x98z"), 0u);
}

TEST(Utf8, SplitsIntoCodePoints) {
  EXPECT_EQ(split_utf8(""), Parts{});
  EXPECT_EQ(split_utf8("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"),
            (Parts{"a", "\xC3\xA9", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80"}));
}

TEST(Utf8, SplitsAnInvalidByteOnItsOwn) {
  EXPECT_EQ(split_utf8("a\xFF\xC3"), (Parts{"a", "\xFF", "\xC3"}));
}

TEST(Utf8Lines, DropLineEndsAndTheByteOrderMark) {
  const auto path = write_test_file("\xEF\xBB\xBFone\r\n\ntwo\xEF\xBB\xBF\nlast");
  EXPECT_EQ(read_utf8_lines(path),
            (std::vector<std::string>{"one", "", "two\xEF\xBB\xBF", "last"}));
}

TEST(Utf8Lines, AreNoneInAnEmptyFile) { EXPECT_TRUE(read_utf8_lines(write_test_file("")).empty()); }

TEST(Utf8Lines, NameTheLineThatIsNotUtf8) {
  const auto path = write_test_file("one\n\xF4\x90\x80\x80\n");
  EXPECT_EQ(input_error_of([&] { read_utf8_lines(path); }),
            path +
                ":2: expected UTF-8, but found byte 0xF4 at column 1; convert it, e.g. iconv -f "
                "latin1 -t utf8");
}

TEST(Utf8Lines, RefuseANulByte) {
  const auto path = write_test_file(std::string_view("a\0b\n\xFF", 5));
  EXPECT_EQ(input_error_of([&] { read_utf8_lines(path); }),
            path +
                ":1: expected text, but found a NUL byte at column 2; is it UTF-16 or a binary "
                "file? convert it, e.g. iconv -f utf-16 -t utf8");
}

TEST(Utf8Lines, NameWhatPackedAFile) {
  struct Packed {
    std::string_view bytes;
    std::string found;
  };
  for (const auto& [bytes, found] :
       {Packed{{"\x1f\x8b\x08\x00\x00", 5}, "gzip's data; unpack it, e.g. by gunzip"},
        Packed{"BZh91AY&SY\xa0\x01", "bzip2's data; unpack it, e.g. by bunzip2"},
        Packed{{"\xfd\x37zXZ\x00\x00", 7}, "xz's data; unpack it, e.g. by unxz"},
        Packed{{"\x28\xb5\x2f\xfd\x04\x00", 6}, "zstd's data; unpack it, e.g. by unzstd"},
        Packed{{"PK\x03\x04\x14\x00", 6}, "zip's data; unpack it, e.g. by unzip"}}) {
    const auto path = write_test_file(bytes);
    EXPECT_EQ(input_error_of([&] { read_utf8_lines(path); }),
              path + ": expected text, but found " + found + ", and give what comes out");
  }
  EXPECT_EQ(read_utf8_lines(write_test_file("PK\x03\x04 and BZh are text")).size(), 1u);
}

TEST(Utf8Lines, RefuseAMissingFileAndADirectory) {
  EXPECT_EQ(input_error_of([] { read_utf8_lines("/nowhere"); }),
            "/nowhere: expected a text file, but found none that can be opened (No such file or "
            "directory); check the path");
  EXPECT_EQ(input_error_of([] { read_utf8_lines("/"); }),
            "/: expected a text file, but found a directory; name a file in it");
}

TEST(LineScanner, SaysWhereLinesAreWhateverEndsThem) {
  LineScanner lines("\uFEFFone\r\r\ntwo\r\rthree\n\r\n");
  std::vector<std::string> found;
  while (lines.next()) {
    found.push_back(std::to_string(lines.number()) + "@" + std::to_string(lines.start()) + ":" +
                    std::string(lines.line()));
  }
  EXPECT_EQ(found,
            (std::vector<std::string>{"1@3:one", "2@9:two", "3@13:", "4@14:three", "5@20:"}));
}

TEST(LineScanner, LooksAtALongRunOfLineEndsOnce) {
  std::size_t lines = 0;
  const std::string text(2000000, '\r');  // seconds, if each looked at the rest
  for (LineScanner scanner(text); scanner.next();) ++lines;
  EXPECT_EQ(lines, text.size());
}

}  // namespace utf8_test
}  // namespace madx

#include "madx/data/invisible.h"

#include <gtest/gtest.h>

namespace madx {
namespace invisible_test {

TEST(Invisible, KnowsWhiteSpaceControlAndFormatCharacters) {
  for (const char* odd :
       {" ",      "\t",     "\x1F",   "\x7F",   "\u0085", "\u00A0", "\u00AD",
        "\u034F", "\u115F", "\u180E", "\u200B", "\u200D", "\u200F", "\u2028",
        "\u2060", "\u2800", "\u3000", "\u3164", "\uFE0F", "\uFEFF", "\U000E0041"}) {
    EXPECT_EQ(is_invisible(odd), std::string_view(odd) != "\u2800") << odd;  // Braille: a letter
  }
  for (const char* plain : {"a", "-", "\u00E9", "\u0301", "\u4E2D", "\U0001F600", "\xFF"}) {
    EXPECT_FALSE(is_invisible(plain)) << plain;
  }
}

TEST(Invisible, TrimsThemAtBothEnds) {
  EXPECT_EQ(trim_invisible("\uFEFF\u00A0B-PER \u200B"), "B-PER");
  EXPECT_EQ(trim_invisible("a\u00A0b"), "a\u00A0b");
  EXPECT_EQ(trim_invisible(" \u3000\u200E"), "");
  EXPECT_EQ(trim_invisible(""), "");
  EXPECT_TRUE(is_blank("\u00A0\t\uFEFF"));
  EXPECT_FALSE(is_blank("\u00A0.\uFEFF"));
}

TEST(InQuotes, NamesWhatCannotBeSeen) {
  EXPECT_EQ(in_quotes("a b"), "\"a b\"");
  EXPECT_EQ(in_quotes("B-PER\u00A0\u200B\t\U000E0041"),
            "\"B-PER<U+00A0><U+200B><U+0009><U+E0041>\"");
  EXPECT_EQ(in_quotes("caf\u00E9 \u4E2D"), "\"caf\u00E9 \u4E2D\"");
}

TEST(InQuotes, ShowsOnlyTheBeginningOfALongText) {
  EXPECT_EQ(in_quotes(std::string(41, 'x')), '"' + std::string(40, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(40, 'x')), '"' + std::string(40, 'x') + "\"");
}

TEST(PlainName, IsUtf8WithoutControlCharacters) {
  for (const std::string name : {"sw", "isiZulu \u00e9", "\u65e5\u672c\u8a9e", ""})
    EXPECT_TRUE(is_plain_name(name)) << name;
  for (const std::string name : {"a\nb", "a\tb", "\x7f", "\xff", "\xC0\x80"})
    EXPECT_FALSE(is_plain_name(name)) << name;
}

}  // namespace invisible_test
}  // namespace madx

#include "apps/report/terminal.h"

#include <gtest/gtest.h>

namespace madx::apps {
namespace terminal_test {

TEST(Terminal, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("Kigali"), 6);
  EXPECT_EQ(display_width("Ọbásanjọ́"), 8);  // the last letter carries a combining mark
  EXPECT_EQ(display_width("東京"), 4);
  EXPECT_EQ(display_width("القاهرة"), 7);
}

TEST(Terminal, CountsAByteThatIsNotUtf8AsOneColumn) { EXPECT_EQ(display_width("a\xff\xfe"), 3); }

TEST(Terminal, FillsOrCutsToTheWidthAskedFor) {
  EXPECT_EQ(fit_width("sw", 5), "sw   ");
  EXPECT_EQ(fit_width("sw", 2), "sw");
  EXPECT_EQ(fit_width("Kinyarwanda", 5), "Kiny…");
  EXPECT_EQ(fit_width("東京都", 4), "東… ");  // half a character is not shown
  EXPECT_EQ(fit_width("sw", 0), "");
  for (const char* text : {"東京都", "Ọbásanjọ́", "abc"}) {
    for (int64_t width = 0; width < 12; ++width)
      EXPECT_EQ(display_width(fit_width(text, width)), width);
  }
}

}  // namespace terminal_test
}  // namespace madx::apps

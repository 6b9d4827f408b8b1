#include "apps/report/highlight.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "madx/core/error.h"

namespace madx::apps {
namespace highlight_test {

TEST(Highlight, PutsEntitiesInBracketsWithoutColour) {
  EXPECT_EQ(highlight({"Paul", "Kagame", "yageze", "i", "Kigali"},
                      {"B-PER", "I-PER", "O", "O", "B-LOC"}, false),
            "[Paul Kagame PER] yageze i [Kigali LOC]");
}

TEST(Highlight, KeepsNeighbouringEntitiesApart) {
  EXPECT_EQ(highlight({"Asha", "Juma", "Nairobi"}, {"B-PER", "B-PER", "S-LOC"}, false),
            "[Asha PER] [Juma PER] [Nairobi LOC]");
}

TEST(Highlight, ColoursByTypeAndResetsAfterEachEntity) {
  EXPECT_EQ(highlight({"i", "Kigali", "."}, {"O", "B-LOC", "O"}, true),
            "i \x1b[30;48;5;157m Kigali \x1b[1mLOC \x1b[0m .");
  EXPECT_NE(highlight({"x"}, {"B-PER"}, true), highlight({"x"}, {"B-ORG"}, true));
}

TEST(Highlight, TakesSentencesWithoutEntitiesAndWithoutTokens) {
  EXPECT_EQ(highlight({"habari", "yako"}, {"O", "O"}, true), "habari yako");
  EXPECT_EQ(highlight({}, {}, true), "");
}

TEST(Highlight, LetsNoTokenSteerTheTerminal) {
  EXPECT_EQ(highlight({"\x1b[2Jx", "y"}, {"B-PER", "O"}, false), "[?[2Jx PER] y");
}

TEST(Highlight, RefusesTokensWithoutTheirTags) {
  EXPECT_THROW(highlight({"a", "b"}, {"O"}, false), std::invalid_argument);
  EXPECT_THROW(highlight({"a"}, {"person"}, false), InputError);
}

}  // namespace highlight_test
}  // namespace madx::apps

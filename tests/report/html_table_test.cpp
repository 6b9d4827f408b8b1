#include "apps/report/html_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace madx::apps {
namespace html_table_test {

using ::testing::HasSubstr;

TEST(HtmlTable, SaysWhatItsHeadersAreOf) {
  const std::string html =
      html_table({"F1", {"row", "sw"}, {{{text_cell("madx"), {"<b>5</b>", "best"}}, "mean"}}});
  EXPECT_THAT(html, HasSubstr("<caption>F1</caption>"));
  EXPECT_THAT(html,
              HasSubstr("<th scope=\"col\" class=\"text\">row</th><th scope=\"col\">sw</th>"));
  EXPECT_THAT(html, HasSubstr("<tr class=\"mean\"><th scope=\"row\" class=\"text\">madx</th>"
                              "<td class=\"best\"><b>5</b></td></tr>"));
}

TEST(HtmlTable, EscapesTextButNotMarkup) {
  const std::string html = html_table({"<1>", {"<2>"}, {{{text_cell("<3>")}, ""}}});
  for (const char* raw : {"<1>", "<2>", "<3>"}) EXPECT_EQ(html.find(raw), std::string::npos);
}

TEST(HtmlTable, RefusesARowOfAnotherLength) {
  EXPECT_THROW(html_table({"F1", {"row", "sw"}, {{{text_cell("madx")}, ""}}}),
               std::invalid_argument);
}

}  // namespace html_table_test
}  // namespace madx::apps

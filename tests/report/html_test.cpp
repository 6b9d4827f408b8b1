#include "apps/report/html.h"

#include <gtest/gtest.h>

#include <string>

namespace madx::apps {
namespace html_test {

TEST(EscapeHtml, LeavesNothingThatHtmlWouldRead) {
  EXPECT_EQ(escape_html("<b a=\"x\" b='y'>R&D</b>"),
            "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;R&amp;D&lt;/b&gt;");
}

TEST(EscapeHtml, LeavesOtherTextAsItIs) {
  EXPECT_EQ(escape_html("Ọbásanjọ́ القاهرة 東京\n\t"), "Ọbásanjọ́ القاهرة 東京\n\t");
}

TEST(EscapeHtml, ReplacesControlCharacters) {
  EXPECT_EQ(escape_html(std::string("a\0\x1b\x7f", 4)), "a\uFFFD\uFFFD\uFFFD");
}

}  // namespace html_test
}  // namespace madx::apps

#include "apps/report/row_bars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace madx::apps {
namespace row_bars_test {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(RowBars, DrawsABarAsLongAsItsValue) {
  const std::string svg = row_bars_svg({"sw", {"madx"}, {50}, {kNaN}, {true}});
  EXPECT_THAT(svg, HasSubstr("<title>sw</title>"));
  EXPECT_THAT(svg, HasSubstr(">madx<"));
  EXPECT_THAT(svg, HasSubstr("width=\"76\" height=\"15\""));  // half of 152
  EXPECT_THAT(svg, HasSubstr(">50.0<"));
}

TEST(RowBars, DrawsSpreadsWithinThePlot) {
  const std::string svg = row_bars_svg({"sw", {"a", "b"}, {1, 99}, {2, 2}, {true, false}});
  EXPECT_THAT(svg, HasSubstr("<line x1=\"104\""));
  EXPECT_THAT(svg, HasSubstr("x2=\"256\""));
}

TEST(RowBars, LeavesABarWithoutAValueOut) {
  const std::string svg = row_bars_svg({"sw", {"madx"}, {kNaN}, {kNaN}, {false}});
  EXPECT_THAT(svg, HasSubstr(">–<"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(RowBars, EscapesEveryText) {
  const std::string svg = row_bars_svg({"<t>", {"<n>"}, {1}, {0}, {false}});
  EXPECT_THAT(svg, Not(HasSubstr("<t>")));
  EXPECT_THAT(svg, Not(HasSubstr("<n>")));
}

TEST(RowBars, RefusesANameWithoutItsValue) {
  EXPECT_THROW(row_bars_svg({"sw", {"a", "b"}, {1}, {0, 0}, {false, false}}),
               std::invalid_argument);
}

}  // namespace row_bars_test
}  // namespace madx::apps

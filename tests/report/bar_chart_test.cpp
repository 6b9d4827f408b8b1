#include "apps/report/bar_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace madx::apps {
namespace bar_chart_test {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(BarChart, DrawsABarAndItsValueForEachGroupAndSeries) {
  const std::string svg = bar_chart_svg(
      {"F1", "F1 (%)", {"en", "sw"}, {"madx", "no-lang"}, {{88.14, 61}, {87, 51.25}}});
  for (const char* text :
       {">en<", ">sw<", ">madx<", ">no-lang<", ">88.1<", ">61.0<", ">87.0<", ">F1 (%)<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
}

TEST(BarChart, LeavesAGapWhereASetupWasNotRun) {
  const std::string svg = bar_chart_svg({"F1", "F1 (%)", {"en", "sw"}, {"madx"}, {{88, kNaN}}});
  EXPECT_THAT(svg, HasSubstr(">sw<"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(BarChart, GrowsWithItsGroupsAndTakesNone) {
  const std::vector<std::string> groups(20, "sw");
  EXPECT_THAT(bar_chart_svg({"F1", "", groups, {"madx"}, {std::vector<double>(20, 50)}}),
              HasSubstr("0 0 1242 320"));
  EXPECT_THAT(bar_chart_svg({"F1", "", {}, {}, {}}), HasSubstr("0 0 480 320"));
}

TEST(BarChart, EscapesEveryText) {
  const std::string svg = bar_chart_svg({"<t>", "<y>", {"<g>"}, {"<s>"}, {{1}}});
  for (const char* raw : {"<t>", "<y>", "<g>", "<s>"}) EXPECT_THAT(svg, Not(HasSubstr(raw)));
}

TEST(BarChart, RefusesValuesOfAnotherShape) {
  EXPECT_THROW(bar_chart_svg({"F1", "", {"en", "sw"}, {"madx"}, {{1}}}), std::invalid_argument);
  EXPECT_THROW(bar_chart_svg({"F1", "", {"en"}, {"madx", "x"}, {{1}}}), std::invalid_argument);
}

}  // namespace bar_chart_test
}  // namespace madx::apps

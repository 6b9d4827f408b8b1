#include "apps/report/heat_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace madx::apps {
namespace heat_map_test {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

HeatMap map_of(std::vector<std::vector<double>> values) {
  HeatMap map{"Gain", "source", "target", {}, {}, std::move(values)};
  for (size_t i = 0; i < map.values.size(); ++i) map.rows.push_back("s" + std::to_string(i));
  for (size_t j = 0; j < map.values.front().size(); ++j)
    map.columns.push_back("t" + std::to_string(j));
  return map;
}

TEST(HeatMap, NamesRowsAndColumnsAndGivesEachValueItsSign) {
  const std::string svg = heat_map_svg(map_of({{2.5, -1.25}, {0.04, 12}}));
  for (const char* text : {"<title>Gain</title>", ">source ↓<", ">target →<", ">s0<", ">s1<",
                           ">t0<", ">t1<", ">+2.5<", ">−1.2<", ">0.0<", ">+12.0<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
}

TEST(HeatMap, ColoursBySignAsStrongAsTheLargestValue) {
  const std::string svg = heat_map_svg(map_of({{10, -10, 0, 5}}));
  // three quarters from white to the full colour, and half of that
  for (const char* colour :
       {"rgb(87,147,240)", "rgb(227,150,74)", "rgb(255,255,255)", "rgb(171,201,248)"}) {
    EXPECT_THAT(svg, HasSubstr("height=\"28\" fill=\"" + std::string(colour) + "\""));
  }
}

TEST(HeatMap, LeavesAPlaceWithoutAValueGrey) {
  const std::string svg = heat_map_svg(map_of({{kNaN, 1}}));
  EXPECT_THAT(svg, HasSubstr("fill=\"#f0f2f5\""));
  EXPECT_THAT(svg, HasSubstr(">–<"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(HeatMap, TakesValuesThatAreAllZeroAndNoneAtAll) {
  EXPECT_THAT(heat_map_svg(map_of({{0, 0}})), Not(HasSubstr("nan")));
  EXPECT_THAT(heat_map_svg({"Gain", "source", "target", {}, {}, {}}), HasSubstr("</svg>"));
}

TEST(HeatMap, EscapesEveryText) {
  const std::string svg = heat_map_svg({"<t>", "<r>", "<c>", {"<i>"}, {"<j>"}, {{1}}});
  for (const char* raw : {"<t>", "<r>", "<c>", "<i>", "<j>"}) EXPECT_THAT(svg, Not(HasSubstr(raw)));
}

TEST(HeatMap, RefusesValuesOfAnotherShape) {
  HeatMap map = map_of({{1, 2}});
  map.values[0].pop_back();
  EXPECT_THROW(heat_map_svg(map), std::invalid_argument);
  map.values.clear();
  EXPECT_THROW(heat_map_svg(map), std::invalid_argument);
}

}  // namespace heat_map_test
}  // namespace madx::apps

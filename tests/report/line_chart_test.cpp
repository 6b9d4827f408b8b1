#include "apps/report/line_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "madx/core/error.h"

namespace madx::apps {
namespace line_chart_test {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

LineChart chart_of(std::vector<double> x, std::vector<double> y) {
  return {"Title", "step", "loss", {Series{"curve", std::move(x), std::move(y)}}};
}

int64_t count(const std::string& text, const std::string& part) {
  int64_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The data of the nth line drawn.
std::string path(const std::string& svg, int nth = 0) {
  size_t at = 0;
  for (int i = 0; i <= nth; ++i) at = svg.find("<path d=\"", at) + 9;
  return svg.substr(at, svg.find('"', at) - at);
}

std::vector<MetricsRow> rows(int64_t number) {
  std::vector<MetricsRow> rows;
  for (int64_t i = 1; i <= number; ++i) {
    MetricsRow row;
    row.step = 10 * i;
    row.loss = 10.0 / static_cast<double>(i);
    rows.push_back(row);
  }
  return rows;
}

TEST(LineChart, DrawsFromCornerToCornerWithTitleLabelsLegendAndTicks) {
  const std::string svg = line_chart_svg(chart_of({0, 500, 1000}, {0, 5, 10}));
  EXPECT_THAT(svg, HasSubstr("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_EQ(path(svg), "M66 368h0L66 368L401 219L736 70");
  for (const char* text :
       {">Title<", ">step<", ">loss<", ">curve<", ">0<", ">200<", ">1000<", ">10<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
}

TEST(LineChart, IsTheSameEachTime) {
  const auto chart = chart_of({1, 2, 3}, {0.1, 0.7, 0.3});
  EXPECT_EQ(line_chart_svg(chart), line_chart_svg(chart));
}

TEST(LineChart, BreaksTheLineWhereAPointIsMissing) {
  const std::string svg = line_chart_svg(chart_of({1, 2, 3, 4, 5}, {1, 2, kNaN, 4, 5}));
  EXPECT_EQ(count(path(svg), "M"), 2);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(LineChart, SaysSoWhenThereIsNothingToDraw) {
  EXPECT_THAT(line_chart_svg({"Loss", "step", "loss", {}}), HasSubstr("no data"));
  EXPECT_THAT(line_chart_svg(chart_of({1, 2}, {kNaN, kNaN})), HasSubstr("no data"));
}

TEST(LineChart, TakesASinglePointAndAConstant) {
  for (const double value : {0.0, 1e-9, 3.0, -4.0, 1e12}) {
    const std::string svg = line_chart_svg(chart_of({5}, {value}));
    EXPECT_THAT(svg, Not(HasSubstr("nan"))) << value;
    EXPECT_EQ(path(svg).substr(0, 5), "M401 ") << value;
  }
}

TEST(LineChart, ShortensLongTickLabels) {
  const std::string svg = line_chart_svg(chart_of({0, 25000}, {0, 2e7}));
  EXPECT_THAT(svg, HasSubstr(">25k<"));
  EXPECT_THAT(svg, HasSubstr(">20M<"));
  EXPECT_THAT(svg, HasSubstr(">0<"));
}

TEST(LineChart, EscapesEveryText) {
  LineChart chart{"<t>", "<x>", "<y>", {Series{"<s>", {1}, {1}}}};
  const std::string svg = line_chart_svg(chart);
  for (const char* raw : {"<t>", "<x>", "<y>", "<s>"}) EXPECT_THAT(svg, Not(HasSubstr(raw)));
  for (const char* safe : {"&lt;t&gt;", "&lt;x&gt;", "&lt;y&gt;", "&lt;s&gt;"})
    EXPECT_THAT(svg, HasSubstr(safe));
}

TEST(LineChart, StaysSmallAndKeepsThePeaksOfALongRun) {
  std::vector<double> x;
  std::vector<double> y;
  for (int i = 0; i <= 200000; ++i) {
    x.push_back(i);
    y.push_back(i == 77777 ? 10 : 1 + i % 2);
  }
  const std::string svg = line_chart_svg(chart_of(x, y));
  EXPECT_LT(svg.size(), 60000u);
  EXPECT_THAT(path(svg), HasSubstr(" 70L"));  // the top of the plot
}

TEST(LineChart, DashesALevelAndLeavesWhatHasNoNameOutOfTheLegend) {
  auto chart = chart_of({1, 2}, {1, 2});
  EXPECT_THAT(line_chart_svg(chart), Not(HasSubstr("stroke-dasharray")));
  const int64_t swatches = count(line_chart_svg(chart), "<rect");
  chart.series.push_back({"", {1, 2}, {1, 1}});
  chart.series.back().dashed = true;
  EXPECT_EQ(count(line_chart_svg(chart), "stroke-dasharray"), 1);
  EXPECT_EQ(count(line_chart_svg(chart), "<rect"), swatches);
}

TEST(LineChart, RefusesAnXWithoutItsY) {
  EXPECT_THROW(line_chart_svg(chart_of({1, 2}, {1})), std::invalid_argument);
}

TEST(LossChart, ShowsTrainingLossSmoothedAndHeldOut) {
  auto metrics = rows(100);
  metrics[49].eval_loss = 3;
  metrics[99].eval_loss = 2;
  const LineChart chart = loss_chart(metrics);
  ASSERT_EQ(chart.series.size(), 3u);
  EXPECT_EQ(chart.series[0].y[49], 10.0 / 50);
  EXPECT_NEAR(chart.series[1].y[49],
              (10.0 / 48 + 10.0 / 49 + 10.0 / 50 + 10.0 / 51 + 10.0 / 52) / 5, 1e-12);
  EXPECT_EQ(chart.series[2].x, (std::vector<double>{500, 1000}));
}

TEST(LossChart, SmoothsAroundMissingLosses) {
  auto metrics = rows(100);
  metrics[50].loss = kNaN;
  const LineChart chart = loss_chart(metrics);
  EXPECT_NEAR(chart.series[1].y[49], (10.0 / 48 + 10.0 / 49 + 10.0 / 50 + 10.0 / 52) / 4, 1e-12);
  EXPECT_TRUE(chart.series[1].y[50] != chart.series[1].y[50]);
}

TEST(LossChart, SaysWhatTheSoftmaxIsOverWhereThatIsNotAll) {
  auto metrics = rows(5);
  EXPECT_EQ(loss_chart(metrics).title, "Loss");
  EXPECT_EQ(loss_chart(metrics).y_label, "loss");
  for (auto& row : metrics) row.labels["vocabulary"] = "text";
  EXPECT_EQ(loss_chart(metrics).title, "Loss of a softmax over the text's sub-words");
  EXPECT_EQ(loss_chart(metrics).y_label, "loss (--vocabulary text)");
}

TEST(LossChart, DoesNotSmoothAShortRun) { EXPECT_EQ(loss_chart(rows(5)).series.size(), 1u); }

TEST(LossCurve, IsWrittenAsAFile) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "madx_curve_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  write_loss_curve(folder + "/loss.svg", rows(5));
  std::ostringstream text;
  text << std::ifstream(folder + "/loss.svg").rdbuf();
  EXPECT_EQ(text.str(), line_chart_svg(loss_chart(rows(5))));
  EXPECT_THROW(write_loss_curve(folder + "/no/loss.svg", rows(5)), InputError);
  fs::remove_all(folder);
}

}  // namespace line_chart_test
}  // namespace madx::apps

#include "apps/report/bar_chart.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "apps/report/svg.h"

namespace madx::apps {
namespace {

using detail::Svg;

constexpr int kBarChartHeight = 320;
constexpr double kBarsLeft = 58;
constexpr double kMargin = 24;
constexpr double kBarsBottom = kBarChartHeight - 36;
constexpr double kBar = 30;
constexpr double kBetweenGroups = 28;

void check(const BarChart& chart) {
  bool fits = chart.values.size() == chart.series.size();
  for (const auto& row : chart.values) fits = fits && row.size() == chart.groups.size();
  if (!fits) {
    throw std::invalid_argument("bar_chart_svg: expected a value for each of " +
                                std::to_string(chart.series.size()) + " series and " +
                                std::to_string(chart.groups.size()) + " groups; fill up with NaN");
  }
}

}  // namespace

std::string bar_chart_svg(const BarChart& chart) {
  check(chart);
  const double group = kBar * static_cast<double>(chart.series.size()) + kBetweenGroups;
  const int width = std::max(
      480,
      static_cast<int>(kBarsLeft + kMargin + group * static_cast<double>(chart.groups.size())));
  const double right = width - kMargin;

  Svg svg(width, kBarChartHeight, chart.title);
  svg.text(kBarsLeft, 28, chart.title, R"( font-size="15" font-weight="600" fill="#1f2328")");
  std::vector<detail::LegendEntry> legend;
  for (size_t s = 0; s < chart.series.size(); ++s)
    legend.push_back({chart.series[s], detail::chart_colour(s), 1});
  const double top = 62 + detail::draw_legend(svg, legend, kBarsLeft, 50, right);
  const auto to_y = [&](double percent) {
    return kBarsBottom - percent / 100 * (kBarsBottom - top);
  };

  for (const int tick : {0, 20, 40, 60, 80, 100}) {
    svg.line(kBarsLeft, to_y(tick), right, to_y(tick),
             tick == 0 ? R"( stroke="#8c959f")" : R"( stroke="#e4e8ec")");
    svg.text(kBarsLeft - 8, to_y(tick) + 4, std::to_string(tick),
             R"( text-anchor="end" fill="#57606a")");
  }
  const double middle = (top + kBarsBottom) / 2;
  svg.text(18, middle, chart.y_label,
           " text-anchor=\"middle\" fill=\"#424a53\" transform=\"rotate(-90 18 " +
               detail::pixels(middle) + ")\"");

  for (size_t g = 0; g < chart.groups.size(); ++g) {
    const double left = kBarsLeft + group * static_cast<double>(g) + kBetweenGroups / 2;
    svg.text(left + (group - kBetweenGroups) / 2, kBarsBottom + 20, chart.groups[g],
             R"( text-anchor="middle" font-size="13" fill="#1f2328")");
    for (size_t s = 0; s < chart.series.size(); ++s) {
      const double value = chart.values[s][g];
      if (!std::isfinite(value)) continue;
      const double x = left + kBar * static_cast<double>(s);
      svg.rect(x + 1.5, to_y(value), kBar - 3, kBarsBottom - to_y(value),
               std::string(" rx=\"2\" fill=\"") + detail::chart_colour(s) + "\"");
      svg.text(x + kBar / 2, to_y(value) - 5, detail::number(value, 1),
               R"( text-anchor="middle" font-size="11" fill="#424a53")");
    }
  }
  return svg.finish();
}

}  // namespace madx::apps

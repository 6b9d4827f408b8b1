#include "apps/report/row_bars.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "apps/report/svg.h"

namespace madx::apps {
namespace {

using detail::Svg;

constexpr int kRowBarsWidth = 300;
constexpr double kNamesRight = 104;
constexpr double kPlotRight = kRowBarsWidth - 44;  // the longest bar's value stands behind it
constexpr double kRowBarsTop = 44;
constexpr double kRowHeight = 21;

void check(const RowBars& chart) {
  const size_t bars = chart.names.size();
  if (chart.values.size() != bars || chart.spreads.size() != bars || chart.strong.size() != bars) {
    throw std::invalid_argument(
        "row_bars_svg: expected a value, a spread and a strength for each of " +
        std::to_string(bars) + " names; fill up with NaN");
  }
}

double to_x(double percent) { return kNamesRight + percent / 100 * (kPlotRight - kNamesRight); }

void draw_spread(Svg& svg, double value, double spread, double y) {
  const double from = to_x(std::max(0.0, value - spread));
  const double to = to_x(std::min(100.0, value + spread));
  const std::string style = R"( stroke="#1f2328" stroke-width="1.2")";
  svg.line(from, y, to, y, style);
  svg.line(from, y - 3, from, y + 3, style);
  svg.line(to, y - 3, to, y + 3, style);
}

}  // namespace

std::string row_bars_svg(const RowBars& chart) {
  check(chart);
  const double bottom = kRowBarsTop + kRowHeight * static_cast<double>(chart.names.size());
  Svg svg(kRowBarsWidth, static_cast<int>(bottom + 26), chart.title);
  svg.text(12, 26, chart.title, R"( font-size="14" font-weight="600" fill="#1f2328")");
  for (const int tick : {0, 50, 100}) {
    svg.line(to_x(tick), kRowBarsTop - 4, to_x(tick), bottom, R"( stroke="#d1d9e0")");
    svg.text(to_x(tick), bottom + 15, std::to_string(tick),
             R"( text-anchor="middle" fill="#57606a" font-size="11")");
  }
  for (size_t i = 0; i < chart.names.size(); ++i) {
    const double y = kRowBarsTop + kRowHeight * static_cast<double>(i);
    const double value = chart.values[i];
    svg.text(kNamesRight - 6, y + 13, chart.names[i],
             R"( text-anchor="end" fill="#1f2328" font-size="11.5")");
    const bool known = std::isfinite(value);
    double text_x = to_x(0);
    if (known) {
      svg.rect(to_x(0), y + 2, to_x(value) - to_x(0), kRowHeight - 6,
               std::string(" rx=\"2\" fill=\"") +
                   (chart.strong[i] ? detail::chart_colour(0) : "#8fb8f6") + "\"");
      const double spread = std::isfinite(chart.spreads[i]) ? chart.spreads[i] : 0;
      if (spread > 0) draw_spread(svg, value, spread, y + kRowHeight / 2 - 1);
      text_x = to_x(std::min(100.0, value + spread));
    }
    svg.text(text_x + 6, y + 13, known ? detail::number(value, 1) : "–",
             R"( fill="#424a53" font-size="11")");
  }
  return svg.finish();
}

}  // namespace madx::apps

#include "apps/report/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "apps/report/svg.h"
#include "apps/report/terminal.h"

namespace madx::apps {
namespace {

using detail::Svg;

constexpr double kCellWidth = 50;
constexpr double kCellHeight = 28;
constexpr double kMapTop = 84;  // below the title and the names of the columns
constexpr double kMapMargin = 24;
constexpr double kKeyHeight = 56;

using Colour = std::array<double, 3>;
constexpr Colour kAbove = {31, 111, 235};  // of the charts' colours the first two
constexpr Colour kBelow = {217, 115, 13};

void check(const HeatMap& map) {
  bool fits = map.values.size() == map.rows.size();
  for (const auto& row : map.values) fits = fits && row.size() == map.columns.size();
  if (!fits) {
    throw std::invalid_argument("heat_map_svg: expected a value for each of " +
                                std::to_string(map.rows.size()) + " rows and " +
                                std::to_string(map.columns.size()) + " columns; fill up with NaN");
  }
}

// `strength` is from -1 to 1.
std::string colour_of(double strength) {
  const Colour& full = strength < 0 ? kBelow : kAbove;
  std::string text = "rgb(";
  for (size_t i = 0; i < full.size(); ++i) {
    const double part = 255 + (full[i] - 255) * std::abs(strength) * 0.75;  // dark text stays clear
    text += (i == 0 ? "" : ",") + std::to_string(std::lround(part));
  }
  return text + ")";
}

std::string signed_number(double value) {
  const std::string text = detail::number(std::abs(value), 1);
  if (text == "0.0") return text;
  return (value < 0 ? "−" : "+") + text;
}

double largest_of(const HeatMap& map) {
  double largest = 0;
  for (const auto& row : map.values) {
    for (const double value : row) {
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    }
  }
  return largest;
}

void draw_key(Svg& svg, double x, double y, double largest) {
  constexpr int kSteps = 9;
  for (int i = 0; i < kSteps; ++i) {
    const double strength = 2.0 * i / (kSteps - 1) - 1;
    svg.rect(x + 20 * i, y, 20, 10, " fill=\"" + colour_of(strength) + "\" stroke=\"#e4e8ec\"");
  }
  const std::string middle = R"( text-anchor="middle" fill="#57606a")";
  svg.text(x + 10, y + 26, signed_number(-largest), middle);
  svg.text(x + 10 * kSteps, y + 26, "0", middle);
  svg.text(x + 20 * kSteps - 10, y + 26, signed_number(largest), middle);
}

}  // namespace

std::string heat_map_svg(const HeatMap& map) {
  check(map);
  int64_t longest = display_width(map.row_label);
  for (const auto& row : map.rows) longest = std::max(longest, display_width(row));
  const double left = kMapMargin + 7 * static_cast<double>(longest) + 10;
  const double right = left + kCellWidth * static_cast<double>(map.columns.size());
  const double bottom = kMapTop + kCellHeight * static_cast<double>(map.rows.size());
  const double largest = largest_of(map);

  Svg svg(std::max(480, static_cast<int>(right + kMapMargin)),
          static_cast<int>(bottom + kKeyHeight), map.title);
  svg.text(kMapMargin, 28, map.title, R"( font-size="15" font-weight="600" fill="#1f2328")");
  svg.text(left, 54, map.column_label + " →", R"( fill="#424a53")");
  svg.text(left - 10, kMapTop - 8, map.row_label + " ↓", R"( text-anchor="end" fill="#424a53")");
  for (size_t j = 0; j < map.columns.size(); ++j) {
    svg.text(left + kCellWidth * (static_cast<double>(j) + 0.5), kMapTop - 8, map.columns[j],
             R"( text-anchor="middle" fill="#1f2328")");
  }
  for (size_t i = 0; i < map.rows.size(); ++i) {
    const double y = kMapTop + kCellHeight * static_cast<double>(i);
    svg.text(left - 10, y + 18, map.rows[i], R"( text-anchor="end" fill="#1f2328")");
    for (size_t j = 0; j < map.columns.size(); ++j) {
      const double value = map.values[i][j];
      const bool known = std::isfinite(value);
      const double x = left + kCellWidth * static_cast<double>(j);
      const double strength = known && largest > 0 ? value / largest : 0;
      svg.rect(x, y, kCellWidth, kCellHeight,
               " fill=\"" + (known ? colour_of(strength) : std::string("#f0f2f5")) +
                   "\" stroke=\"#ffffff\"");
      svg.text(x + kCellWidth / 2, y + 18, known ? signed_number(value) : "–",
               R"( text-anchor="middle" fill="#1f2328")");
    }
  }
  if (largest > 0) draw_key(svg, left, bottom + 14, largest);
  return svg.finish();
}

}  // namespace madx::apps

#include "apps/report/svg.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "apps/report/html.h"
#include "apps/report/terminal.h"

namespace madx::apps::detail {
namespace {

constexpr int kTicksWanted = 5;
constexpr double kLegendRow = 20;

// 1, 2 or 5 times a power of ten, at least `rough`.
double round_step(double rough) {
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string shortest(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return std::string(text, end);
}

// 25000 with a step of 5000 is "25k": long numbers make an axis hard to read.
std::string tick_label(double value, double step, double largest) {
  const char* unit = "";
  if (largest >= 1e7) {
    value /= 1e6, step /= 1e6, unit = "M";
  } else if (largest >= 1e4) {
    value /= 1e3, step /= 1e3, unit = "k";
  }
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return decimals > 6 ? shortest(value) : number(value, decimals) + (value == 0 ? "" : unit);
}

std::string attribute(const char* name, double value) {
  return std::string(" ") + name + "=\"" + pixels(value) + "\"";
}

}  // namespace

std::string number(double value, int decimals) {
  char text[400];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed, decimals).ptr;
  return std::string(text, end);
}

std::string pixels(double value) {
  std::string text = number(std::round(value * 10) / 10 + 0.0, 1);
  if (text.size() > 2 && text.substr(text.size() - 2) == ".0") text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

Svg::Svg(int width, int height, const std::string& title) {
  const std::string size = std::to_string(width) + " " + std::to_string(height);
  svg_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\"" +
         attribute("width", width) + attribute("height", height) +
         " role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n";
  svg_ += "<title>" + escape_html(title) + "</title>\n";
  rect(0, 0, width, height, R"( rx="6" fill="#ffffff")");
}

void Svg::line(double x1, double y1, double x2, double y2, const std::string& style) {
  svg_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
          attribute("y2", y2) + style + "/>\n";
}

void Svg::rect(double x, double y, double width, double height, const std::string& style) {
  svg_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
          attribute("height", height) + style + "/>\n";
}

void Svg::circle(double x, double y, double radius, const std::string& style) {
  svg_ +=
      "<circle" + attribute("cx", x) + attribute("cy", y) + attribute("r", radius) + style + "/>\n";
}

void Svg::path(const std::string& data, const std::string& style) {
  svg_ += "<path d=\"" + data + "\"" + style + "/>\n";
}

void Svg::text(double x, double y, const std::string& text, const std::string& style) {
  svg_ += "<text" + attribute("x", x) + attribute("y", y) + style + ">" + escape_html(text) +
          "</text>\n";
}

std::string Svg::finish() { return svg_ + "</svg>\n"; }

double draw_legend(Svg& svg, const std::vector<LegendEntry>& entries, double x, double y,
                   double right) {
  constexpr double kSwatch = 16;
  constexpr double kGap = 18;
  const double left = x;
  double top = y;
  for (const auto& [name, colour, opacity] : entries) {
    const double width = kSwatch + 6 + 6.6 * static_cast<double>(display_width(name));
    if (x + width > right && x > left) {
      x = left;
      top += kLegendRow;
    }
    svg.rect(x, top - 8, kSwatch, 6,
             " rx=\"2\" fill=\"" + colour + "\" opacity=\"" + number(opacity, 2) + "\"");
    svg.text(x + kSwatch + 6, top, name, R"( fill="#424a53")");
    x += width + kGap;
  }
  return entries.empty() ? 0 : top - y + kLegendRow;
}

double Axis::position(double value) const { return (value - low) / (high - low); }

Axis linear_axis(double low, double high, bool round_ends) {
  if (!(high - low >
        1e-9 * std::max(std::abs(low), std::abs(high)))) {  // a single value: room around it
    const double room = low == 0 ? 1 : std::abs(low) / 10;
    low -= room;
    high += room;
  }
  const double step = round_step((high - low) / kTicksWanted);
  double first = std::ceil(low / step - 1e-9);
  double last = std::floor(high / step + 1e-9);
  if (round_ends) {
    first = std::floor(low / step + 1e-9);
    last = std::ceil(high / step - 1e-9);
    low = first * step;
    high = last * step;
  }
  Axis axis{low, high, {}, {}};
  for (double k = first; k <= last; ++k) {
    axis.ticks.push_back(k * step);
    axis.labels.push_back(
        tick_label(k * step + 0.0, step, std::max(std::abs(low), std::abs(high))));
  }
  return axis;
}

}  // namespace madx::apps::detail

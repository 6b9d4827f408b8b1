#pragma once

#include <array>
#include <string>
#include <vector>

namespace madx::apps::detail {

// Told apart on white by eyes of every kind of colour vision.
inline constexpr std::array kChartColours = {"#1f6feb", "#d9730d", "#1a7f37",
                                             "#8250df", "#b0185f", "#0e7c86"};

inline const char* chart_colour(size_t index) {
  return kChartColours[index % kChartColours.size()];
}

// A coordinate, to a tenth of a pixel. Independent of the program's locale, as every number in a
// chart is.
std::string pixels(double value);

// Shortest text with up to `decimals` decimals, trailing zeros kept: number(2.5, 2) == "2.50".
std::string number(double value, int decimals);

// One SVG element, drawn from back to front.
class Svg {
 public:
  Svg(int width, int height, const std::string& title);

  // `style` is a list of attributes, with a blank before each: R"( stroke="#ddd")".
  void line(double x1, double y1, double x2, double y2, const std::string& style);
  void rect(double x, double y, double width, double height, const std::string& style);
  void circle(double x, double y, double radius, const std::string& style);
  void path(const std::string& data, const std::string& style);
  void text(double x, double y, const std::string& text, const std::string& style);

  std::string finish();

 private:
  std::string svg_;
};

struct LegendEntry {
  std::string name;
  std::string colour;
  double opacity;
};

// Entries side by side from (x, y), wrapped at `right`; returns the height used. The width of text
// is an estimate: the font is the reader's.
double draw_legend(Svg& svg, const std::vector<LegendEntry>& entries, double x, double y,
                   double right);

// Maps values to [0, 1] along one axis, with round numbers to label.
struct Axis {
  double low;
  double high;
  std::vector<double> ticks;
  std::vector<std::string> labels;

  double position(double value) const;
};

// An axis over [low, high]; `round_ends` widens it to whole ticks.
Axis linear_axis(double low, double high, bool round_ends);

}  // namespace madx::apps::detail

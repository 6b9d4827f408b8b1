#pragma once

#include <string>
#include <vector>

namespace madx::apps {

/// Bars that lie below each other, each with its name before it: F1 (percent) of the rows of an
/// experiment on one language. Narrow, so that many such charts stand side by side.
struct RowBars {
  std::string title;
  std::vector<std::string> names;
  std::vector<double> values;   ///< 0 to 100, one a name; NaN: none
  std::vector<double> spreads;  ///< drawn to both sides of a value's end; NaN or 0: none
  std::vector<bool> strong;     ///< names whose bars have the strong colour
};

/// The chart as one SVG element, under the rules of `line_chart_svg`. Throws std::invalid_argument
/// when `values`, `spreads` or `strong` has not as many elements as `names`.
std::string row_bars_svg(const RowBars& chart);

}  // namespace madx::apps

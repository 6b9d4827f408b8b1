#pragma once

#include <string>
#include <vector>

namespace madx::apps {

/// Bars in groups: F1 (percent) by language, one bar a setup.
struct BarChart {
  std::string title;
  std::string y_label;
  std::vector<std::string> groups;  ///< along the x axis
  std::vector<std::string> series;  ///< one colour each
  std::vector<std::vector<double>>
      values;  ///< values[series][group], 0 to 100; NaN leaves the place empty
};

/// The chart as one SVG element, under the rules of `line_chart_svg`. Throws std::invalid_argument
/// when `values` is not series x groups.
std::string bar_chart_svg(const BarChart& chart);

}  // namespace madx::apps

#pragma once

#include <string>
#include <vector>

namespace madx::apps {

/// Differences by two things: F1 of one row of an experiment less that of another, by source and
/// target.
struct HeatMap {
  std::string title;
  std::string row_label;     ///< what the rows are: "source"
  std::string column_label;  ///< what the columns are: "target"
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<std::vector<double>> values;  ///< values[row][column]; NaN: none
};

/// The map as one SVG element, under the rules of `line_chart_svg`: above 0 blue, below 0 orange,
/// white at 0, both as strong as the largest of all values is; each value in its place with its
/// sign, and "–" where there is none. Throws std::invalid_argument when `values` is not rows x
/// columns.
std::string heat_map_svg(const HeatMap& map);

}  // namespace madx::apps

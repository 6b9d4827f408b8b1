#pragma once

#include <string>
#include <vector>

#include "madx/train/metrics_row.h"

namespace madx::apps {

/// One curve: points (x[i], y[i]) in order of x. A point that is NaN or infinite is left out and
/// breaks the line.
struct Series {
  std::string name;  ///< empty: not in the legend
  std::vector<double> x;
  std::vector<double> y;
  int colour = 0;        ///< of the palette; series of one colour differ in opacity
  double opacity = 1;    ///< 0 to 1
  bool markers = false;  ///< a dot at each point
  bool dashed = false;   ///< for a level that others are measured by
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
};

/// The chart as one SVG element with a light background of its own: as a file, or inside an HTML
/// page, dark or light. The same chart gives the same bytes. Throws std::invalid_argument when a
/// series has more x than y or the reverse.
std::string line_chart_svg(const LineChart& chart);

/// Training loss as logged and smoothed, and the loss on held-out text where it was evaluated, over
/// steps. Where the rows' losses are of a softmax over a text's sub-words (label "vocabulary"), the
/// title and the axis say so.
LineChart loss_chart(const std::vector<MetricsRow>& rows);

/// `loss_chart` as an SVG file. Throws as `write_file` does.
void write_loss_curve(const std::string& path, const std::vector<MetricsRow>& rows);

}  // namespace madx::apps

#include "apps/report/line_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "apps/report/svg.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

using detail::Axis;
using detail::chart_colour;
using detail::pixels;
using detail::Svg;

constexpr int kWidth = 760;
constexpr int kHeight = 420;
constexpr double kLeft = 66;
constexpr double kRight = kWidth - 24;
constexpr double kBottom = kHeight - 52;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

bool is_drawn(double x, double y) { return std::isfinite(x) && std::isfinite(y); }

struct Plot {
  const LineChart& chart;
  Axis x;
  Axis y;
  double top;

  double to_x(double value) const { return kLeft + x.position(value) * (kRight - kLeft); }
  double to_y(double value) const { return kBottom - y.position(value) * (kBottom - top); }
};

void draw_axes(Svg& svg, const Plot& plot) {
  for (size_t i = 0; i < plot.y.ticks.size(); ++i) {
    const double y = plot.to_y(plot.y.ticks[i]);
    svg.line(kLeft, y, kRight, y, R"( stroke="#e4e8ec")");
    svg.text(kLeft - 8, y + 4, plot.y.labels[i], R"( text-anchor="end" fill="#57606a")");
  }
  for (size_t i = 0; i < plot.x.ticks.size(); ++i) {
    const double x = plot.to_x(plot.x.ticks[i]);
    svg.line(x, plot.top, x, kBottom, R"( stroke="#f0f2f5")");
    svg.line(x, kBottom, x, kBottom + 4, R"( stroke="#8c959f")");
    svg.text(x, kBottom + 18, plot.x.labels[i], R"( text-anchor="middle" fill="#57606a")");
  }
  svg.line(kLeft, kBottom, kRight, kBottom, R"( stroke="#8c959f")");
  const double middle = (plot.top + kBottom) / 2;
  svg.text((kLeft + kRight) / 2, kHeight - 12, plot.chart.x_label,
           R"( text-anchor="middle" fill="#424a53")");
  svg.text(18, middle, plot.chart.y_label,
           " text-anchor=\"middle\" fill=\"#424a53\" transform=\"rotate(-90 18 " + pixels(middle) +
               ")\"");
}

// A line in pieces: of the points that share a column of pixels the first, the lowest, the highest
// and the last are enough, so that a run of a million steps gives a file as small as one of a
// thousand.
class PathData {
 public:
  void add(double x, double y) {
    const double column = std::floor(x);
    if (!open_) {
      data_ += (data_.empty() ? "M" : " M") + point(x, y) + "h0";  // a lone point shows as a dot
      open_ = true;
    } else if (column != column_) {
      flush();
    }
    if (column != column_ || !held_) {
      column_ = column;
      low_ = high_ = y;
    }
    x_ = x;
    low_ = std::min(low_, y);
    high_ = std::max(high_, y);
    last_ = y;
    held_ = true;
  }

  void lift_pen() {
    flush();
    open_ = false;
  }

  const std::string& finish() {
    lift_pen();
    return data_;
  }

 private:
  static std::string point(double x, double y) { return pixels(x) + " " + pixels(y); }

  void flush() {
    if (!held_) return;
    if (low_ != last_) data_ += "L" + point(x_, low_);
    if (high_ != last_) data_ += "L" + point(x_, high_);
    data_ += "L" + point(x_, last_);
    held_ = false;
  }

  std::string data_;
  bool open_ = false;
  bool held_ = false;
  double column_ = 0, x_ = 0, low_ = 0, high_ = 0, last_ = 0;
};

void draw_series(Svg& svg, const Plot& plot, const Series& series) {
  const std::string colour = chart_colour(static_cast<size_t>(series.colour));
  const std::string opacity = " opacity=\"" + detail::number(series.opacity, 2) + "\"";
  const char* width = series.opacity < 1 ? "1" : "2";
  const char* dashes = series.dashed ? " stroke-dasharray=\"6 5\"" : "";

  PathData path;
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (is_drawn(series.x[i], series.y[i])) {
      path.add(plot.to_x(series.x[i]), plot.to_y(series.y[i]));
    } else {
      path.lift_pen();
    }
  }
  svg.path(path.finish(), " fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"" + width +
                              "\" stroke-linejoin=\"round\" stroke-linecap=\"round\"" + opacity +
                              dashes);
  if (!series.markers) return;
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (!is_drawn(series.x[i], series.y[i])) continue;
    svg.circle(plot.to_x(series.x[i]), plot.to_y(series.y[i]), 3.2,
               " fill=\"" + colour + "\" stroke=\"#ffffff\"" + opacity);
  }
}

// The mean of the points around each point, as many before as after, so that the curve does not lag
// behind a falling loss. NaN counts for nothing and stays NaN.
std::vector<double> smoothed(const std::vector<double>& values, size_t half_window) {
  std::vector<double> sums = {0};  // of the finite values before each point
  std::vector<double> counts = {0};
  for (const double value : values) {
    const bool counted = std::isfinite(value);
    sums.push_back(sums.back() + (counted ? value : 0));
    counts.push_back(counts.back() + (counted ? 1 : 0));
  }
  std::vector<double> result;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t half = std::min({half_window, i, values.size() - 1 - i});
    const size_t begin = i - half;
    const size_t end = i + half + 1;
    result.push_back(std::isfinite(values[i])
                         ? (sums[end] - sums[begin]) / (counts[end] - counts[begin])
                         : values[i]);
  }
  return result;
}

}  // namespace

std::string line_chart_svg(const LineChart& chart) {
  Range x;
  Range y;
  std::vector<detail::LegendEntry> legend;
  for (const Series& series : chart.series) {
    if (series.x.size() != series.y.size()) {
      throw std::invalid_argument("line_chart_svg: expected as many x as y in series \"" +
                                  series.name + "\", but got " + std::to_string(series.x.size()) +
                                  " and " + std::to_string(series.y.size()));
    }
    if (!series.name.empty()) {
      legend.push_back(
          {series.name, chart_colour(static_cast<size_t>(series.colour)), series.opacity});
    }
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (!is_drawn(series.x[i], series.y[i])) continue;
      x.add(series.x[i]);
      y.add(series.y[i]);
    }
  }

  Svg svg(kWidth, kHeight, chart.title);
  svg.text(kLeft, 28, chart.title, R"( font-size="15" font-weight="600" fill="#1f2328")");
  if (x.empty()) {
    svg.text(kWidth / 2.0, kHeight / 2.0, "no data", R"( text-anchor="middle" fill="#57606a")");
    return svg.finish();
  }
  const double top = 50 + detail::draw_legend(svg, legend, kLeft, 50, kRight);
  const Plot plot{chart, detail::linear_axis(x.low, x.high, /*round_ends=*/false),
                  detail::linear_axis(y.low, y.high, /*round_ends=*/true), top};
  draw_axes(svg, plot);
  for (const Series& series : chart.series) draw_series(svg, plot, series);
  return svg.finish();
}

LineChart loss_chart(const std::vector<MetricsRow>& rows) {
  Series training{"training loss", {}, {}, /*colour=*/0, /*opacity=*/0.3};
  Series held_out{"held-out loss", {}, {}, /*colour=*/1, /*opacity=*/1, /*markers=*/true};
  for (const MetricsRow& row : rows) {
    const auto step = static_cast<double>(row.step);
    training.x.push_back(step);
    training.y.push_back(row.loss);
    if (row.eval_loss) {
      held_out.x.push_back(step);
      held_out.y.push_back(*row.eval_loss);
    }
  }
  LineChart chart{"Loss", "step", "loss", {}};
  const auto is_of_text = [](const MetricsRow& row) {
    const auto label = row.labels.find("vocabulary");
    return label != row.labels.end() && label->second == "text";
  };
  if (std::any_of(rows.begin(), rows.end(), is_of_text)) {
    chart.title = "Loss of a softmax over the text's sub-words";
    chart.y_label = "loss (--vocabulary text)";
  }
  const size_t half_window = rows.size() / 50;
  if (half_window > 0) {
    Series smooth{"training loss, smoothed", training.x, smoothed(training.y, half_window),
                  /*colour=*/0};
    chart.series = {std::move(training), std::move(smooth)};
  } else {
    training.opacity = 1;
    chart.series = {std::move(training)};
  }
  if (!held_out.x.empty()) chart.series.push_back(std::move(held_out));
  return chart;
}

void write_loss_curve(const std::string& path, const std::vector<MetricsRow>& rows) {
  io::write_file(path, line_chart_svg(loss_chart(rows)));
}

}  // namespace madx::apps

#include "apps/run/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <utility>

#include "apps/report/terminal.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

constexpr double kSecondsBetweenRedraws = 0.1;
constexpr double kSecondsBetweenLines = 5;
constexpr double kSecondsBeforeEstimate =
    1;  // the first steps allocate memory: too slow to speak of
constexpr int64_t kWidestBar = 30;
constexpr int64_t kNarrowestBar = 5;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// 7 -> "0:07", 3723 -> "1:02:03"
std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const auto hours = static_cast<long long>(whole / 3600);
  const auto minutes = static_cast<int>(whole / 60 % 60);
  char text[40];
  if (hours > 0) {
    std::snprintf(text, sizeof(text), "%lld:%02d:%02d", hours, minutes,
                  static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof(text), "%d:%02d", minutes, static_cast<int>(whole % 60));
  }
  return text;
}

std::string with_gap(const std::string& text) { return text.empty() ? "" : "  " + text; }

}  // namespace

ProgressBar::ProgressBar(std::string label, int64_t total, ProgressOptions options)
    : label_(std::move(label)), total_(total), options_(std::move(options)), done_(options_.first) {
  if (options_.style == ProgressStyle::kAuto) {
    options_.style = is_terminal(STDERR_FILENO) ? ProgressStyle::kBar : ProgressStyle::kLines;
  }
  if (!options_.colour) options_.colour = wants_colour(STDERR_FILENO);
  if (options_.out == nullptr) options_.out = &std::cerr;
  if (!options_.seconds) options_.seconds = steady_seconds;
  if (!options_.width) options_.width = [] { return terminal_width(STDERR_FILENO); };

  started_ = updated_ = drawn_ = options_.seconds();
  done_when_drawn_ = done_;
  if (options_.style == ProgressStyle::kBar) draw(/*last=*/false);
}

ProgressBar::~ProgressBar() {
  try {
    finish();
  } catch (...) {  // NOLINT: a bar that cannot be drawn must not end the run
  }
}

void ProgressBar::update(int64_t done, std::string status) {
  if (finished_) return;
  measure_speed(done);
  done_ = done;
  status_ = std::move(status);

  const double since_drawn = updated_ - drawn_;
  switch (options_.style) {
    case ProgressStyle::kBar:
      if (since_drawn >= kSecondsBetweenRedraws) draw(/*last=*/false);
      break;
    case ProgressStyle::kLines: {
      const int64_t every = options_.line_every;
      const bool due =
          every > 0 ? done / every > done_when_drawn_ / every : since_drawn >= kSecondsBetweenLines;
      if (due && done < total_) draw(/*last=*/false);  // the last one is finish()'s
      break;
    }
    case ProgressStyle::kAuto:
    case ProgressStyle::kSilent:
      break;
  }
}

void ProgressBar::note(const std::string& line) {
  const bool over_a_bar = options_.style == ProgressStyle::kBar && !finished_;
  *options_.out << (over_a_bar ? "\r\x1b[K" : "") << line << '\n' << std::flush;
  if (over_a_bar) draw(/*last=*/false);
}

void ProgressBar::finish() {
  if (finished_) return;
  finished_ = true;
  if (options_.style != ProgressStyle::kSilent) draw(/*last=*/true);
}

// Weights fall off over a third of the time that has passed: steady late in a long run, quick to
// learn in a short one.
void ProgressBar::measure_speed(int64_t done) {
  const double now = options_.seconds();
  const double passed = now - updated_;
  const double kept = std::exp(-passed / std::max(10.0, (now - started_) / 3));
  recent_steps_ = recent_steps_ * kept + static_cast<double>(done - done_);
  recent_seconds_ = recent_seconds_ * kept + passed;
  updated_ = now;
}

std::string ProgressBar::time_text(bool last) const {
  const double passed = options_.seconds() - started_;
  if (last) return (done_ >= total_ ? "took " : "stopped after ") + clock_text(passed);
  if (passed < kSecondsBeforeEstimate || recent_steps_ <= 0) return "";
  const auto left = static_cast<double>(std::max<int64_t>(0, total_ - done_));
  return clock_text(left * recent_seconds_ / recent_steps_) + " left";
}

std::string ProgressBar::bar_line(bool last) const {
  const std::string before = label_ + "  ";
  const std::string after = " " + std::to_string(done_) + "/" + std::to_string(total_) +
                            with_gap(status_) + with_gap(time_text(last));
  const int64_t width = options_.width() - 1;  // in the last column some terminals wrap
  const int64_t room = width - display_width(before) - display_width(after) - 2;
  if (room < kNarrowestBar) {
    const std::string text = label_ + " " + after;
    return fit_width(text, std::min(width, display_width(text)));
  }

  const int64_t size = std::min(kWidestBar, room);
  const int64_t full = total_ <= 0 ? size : std::clamp<int64_t>(size * done_ / total_, 0, size);
  const std::string done(static_cast<size_t>(full), '#');
  const std::string left(static_cast<size_t>(size - full), '-');
  const bool colour = *options_.colour;
  return before + "[" +
         (colour ? "\x1b[32m" + done + "\x1b[0;2m" + left + "\x1b[0m" : done + left) + "]" + after;
}

void ProgressBar::draw(bool last) {
  if (options_.style == ProgressStyle::kBar) {
    *options_.out << '\r' << bar_line(last) << "\x1b[K";
    if (last) *options_.out << '\n';
  } else {
    *options_.out << label_ << "  " << done_ << "/" << total_ << with_gap(status_)
                  << with_gap(time_text(last)) << '\n';
  }
  *options_.out << std::flush;
  drawn_ = options_.seconds();
  done_when_drawn_ = done_;
}

std::string training_status(double loss, double tokens_per_second) {
  auto text = plain_stream();
  text << "loss " << std::setprecision(4) << loss << "  " << fixed_text(tokens_per_second, 0)
       << " tok/s";
  return text.str();
}

}  // namespace madx::apps

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace madx::apps {

enum class ProgressStyle {
  kAuto,    ///< kBar when standard error is a terminal, else kLines
  kBar,     ///< one line, redrawn in place at most ten times a second
  kLines,   ///< plain lines, for log files
  kSilent,  ///< nothing, notes excepted
};

struct ProgressOptions {
  ProgressStyle style = ProgressStyle::kAuto;
  int64_t first = 0;       ///< what an earlier run did already (--resume): not counted in the speed
  int64_t line_every = 0;  ///< kLines: a line each time so many are done; 0: one every 5 seconds
  std::optional<bool> colour;  ///< unset: when standard error is a terminal and NO_COLOR is not set

  std::ostream* out = nullptr;      ///< standard error
  std::function<double()> seconds;  ///< a clock that never goes back
  std::function<int64_t()>
      width;  ///< columns at hand, asked at each drawing; those of standard error
};

/// Shows how far a long loop is:
///
///     train sw  [######----] 420/1000  loss 5.31  812 tok/s  1:42 left
///
/// The time left follows from the speed over about the last third of the run, pauses for evaluation
/// included. The destructor draws the last state and ends the line, so that an error message after
/// it starts on a line of its own.
class ProgressBar {
 public:
  /// `label` names the loop, `total` is how many steps it has, those before `options.first`
  /// included.
  ProgressBar(std::string label, int64_t total, ProgressOptions options = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `done` of `total` are done; `status` stands beside the bar until the next call.
  void update(int64_t done, std::string status = "");

  /// Prints a line above the bar, such as the result of an evaluation. Shown in every style.
  void note(const std::string& line);

  /// Draws the last state and ends the line; later calls do nothing.
  void finish();

 private:
  void measure_speed(int64_t done);
  std::string time_text(bool last) const;
  std::string bar_line(bool last) const;
  void draw(bool last);

  std::string label_;
  int64_t total_;
  ProgressOptions options_;
  std::string status_;
  int64_t done_;
  double started_;
  double updated_;
  double drawn_;
  int64_t done_when_drawn_;
  double recent_steps_ = 0;    // both decay at the same pace:
  double recent_seconds_ = 0;  // their quotient is the speed
  bool finished_ = false;
};

/// What a training loop shows beside its bar: "loss 5.31  812 tok/s".
std::string training_status(double loss, double tokens_per_second);

}  // namespace madx::apps

#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "madx/train/metrics_row.h"

namespace madx::apps {

/// The file metrics.jsonl: one JSON object a line, on disk as soon as it is written, so that a run
/// can be watched and an interrupted one is on record up to its last logged step.
class MetricsLog {
 public:
  enum class Mode {
    kFresh,   ///< an older file is emptied
    kAppend,  ///< rows are added to the file, if there is one; a last line cut short by a crash is
              ///< removed
  };

  /// Throws InputError when the path cannot be written, or, with kAppend, when a line of the file
  /// is not a row.
  MetricsLog(std::string path, Mode mode);

  /// Throws MachineError when the row does not reach the file (disk full), std::invalid_argument
  /// when a key of `row.extra` or `row.labels` is the name of another field.
  void write(const MetricsRow& row);

  /// Drops the rows after `step`, the step of the checkpoint that training resumes from: the file
  /// is then the one that an uninterrupted run has there.
  void truncate_after(int64_t step);

 private:
  void open(std::ios::openmode mode);

  std::string path_;
  std::ofstream file_;
};

/// The row as a line of metrics.jsonl, and back: no figure changes. `parse_metrics_line` throws the
/// JSON library's exception for another line.
std::string metrics_line(const MetricsRow& row);
MetricsRow parse_metrics_line(const std::string& line);

/// The rows of a metrics.jsonl, in its order; null is read as NaN. A last line without its newline
/// is what a crash leaves: it is not read. Throws InputError, naming the line, when the file is
/// missing or a line is not a row.
std::vector<MetricsRow> read_metrics(const std::string& path);

}  // namespace madx::apps

#pragma once

#include <string>
#include <system_error>
#include <vector>

namespace madx {

/// The output directory of a training run. Work goes on in `PATH.partial`, so that `PATH` appears
/// whole or not at all; an interrupted run that has a checkpoint is given its name too, without the
/// results, for --resume to go on from.
class RunDirectory {
 public:
  /// Throws InputError when `path` exists with content (or PATH.partial holds an interrupted run)
  /// and `resume` is not set, when there is no checkpoint to resume from, or when another run is at
  /// work there.
  RunDirectory(const std::string& path, bool resume);
  /// Without `finish`: keeps a checkpoint for --resume, removes all else that the constructor made.
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  /// The directory to write into.
  const std::string& path() const { return working_; }
  /// The last part of the final path: what an adapter is named after.
  std::string name() const;
  /// Gives the directory its name.
  void finish();

 private:
  void make(std::error_code& error);
  void lock();
  void remove_made();

  std::string final_;
  std::string working_;
  std::vector<std::string> made_parents_;  // the innermost first
  int lock_ = -1;  // descriptor of the working directory, locked while this run has it
  bool finished_ = false;
};

}  // namespace madx

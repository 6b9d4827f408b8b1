#pragma once

#include <string>

namespace madx::apps {

/// A directory that is this process's alone. The lock follows the directory through its names and
/// goes with the process, however that ends.
class DirectoryLock {
 public:
  /// Throws InputError where another process has it.
  explicit DirectoryLock(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  /// Throws the InputError that says so.
  [[noreturn]] static void refuse(const std::string& directory);

 private:
  int descriptor_ = -1;
};

/// Removes what processes left that were killed between making the working directory `working` and
/// naming it.
void remove_beginnings(const std::string& working);

}  // namespace madx::apps

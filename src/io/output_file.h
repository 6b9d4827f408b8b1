#pragma once

#include <string>

namespace madx::io {

/// A large file written piece by piece under a temporary name beside it; `commit` gives it its own
/// name once every byte has reached the disk. Without `commit`, nothing is left.
class OutputFile {
 public:
  /// Throws InputError when the file cannot be created (missing folder, no permission, the path is
  /// a directory) and MachineError when the machine is at fault.
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// A failure is kept for `commit`: writers that call back from foreign code must not be thrown
  /// through.
  void write(const void* data, size_t size);

  /// Throws MachineError when a write, this or an earlier one, failed (disk full, I/O error).
  void commit();

 private:
  std::string path_;
  std::string target_;
  std::string temporary_;
  int file_ = -1;
  int error_ = 0;
};

}  // namespace madx::io

#pragma once

#include <string>
#include <string_view>

namespace madx::io {

/// Opens what is there for writing. Throws InputError where it cannot be written, MachineError
/// where the machine is at fault.
int open_output(const std::string& path);
/// Returns 0, or the errno of the call that failed.
int write_all(int file, std::string_view bytes);
/// Throws MachineError: the disk is full, or has failed.
[[noreturn]] void write_failed(const std::string& path, int error);

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

  /// Ends writing, once every byte has reached the disk; returns the temporary name, by which the
  /// file may be read before `commit`. Throws MachineError when a write, this or an earlier one,
  /// failed (disk full, I/O error).
  const std::string& finish();

  /// Throws MachineError as `finish`, which it calls.
  void commit();

 private:
  std::string path_;
  std::string target_;
  std::string temporary_;
  int file_ = -1;
  int error_ = 0;
};

}  // namespace madx::io

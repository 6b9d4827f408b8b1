#include "io/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "madx/core/error.h"
#include "madx/io/system_failure.h"

namespace madx::io {
namespace {

namespace fs = std::filesystem;

/// A name that no other file that is being written has, of this process or another.
std::string temporary_beside(const std::string& target) {
  static std::atomic<uint64_t> count{0};
  return target + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(count++);
}

}  // namespace

int open_output(const std::string& path, const std::string& open_as, int flags) {
  const int file = ::open(open_as.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (file >= 0) return file;
  if (is_machine_failure(errno)) write_failed(path, errno);
  input_error(path, ": expected a path that can be written, but found: ", std::strerror(errno),
              "; create its folder or choose another one");
}

int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {  // a signal (Ctrl-C) may cut a write short
      return errno;
    }
  }
  return 0;
}

void write_failed(const std::string& path, int error) {
  machine_error(path, ": expected to write the file, but found: ", std::strerror(error),
                "; free some disk space or choose another place");
}

OutputFile::OutputFile(const std::string& path) : path_(path), target_(path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    input_error(path, ": expected a path for a file, but found a ",
                fs::is_directory(status) ? "directory" : "device", "; choose another name");
  }
  // A symbolic link keeps pointing at the file it names.
  if (fs::exists(status)) target_ = fs::canonical(path).string();
  temporary_ = temporary_beside(target_);
  file_ = open_output(path, temporary_, O_CREAT | O_TRUNC);
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, size_t size) {
  if (error_ == 0) error_ = write_all(file_, {static_cast<const char*>(data), size});
}

void OutputFile::commit() {
  if (error_ == 0 && ::fsync(file_) != 0) error_ = errno;
  if (::close(file_) != 0 && error_ == 0) error_ = errno;
  file_ = -1;
  if (error_ == 0 && std::rename(temporary_.c_str(), target_.c_str()) != 0) error_ = errno;
  if (error_ != 0) write_failed(path_, error_);
  temporary_.clear();
}

}  // namespace madx::io

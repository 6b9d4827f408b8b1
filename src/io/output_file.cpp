#include "io/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "madx/core/error.h"
#include "madx/io/system_failure.h"

namespace madx::io {

namespace fs = std::filesystem;

OutputFile::OutputFile(const std::string& path) : path_(path), target_(path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    input_error(
        path, ": expected a path for a file, but found a directory or device; choose another name");
  }
  // A symbolic link keeps pointing at the file it names.
  if (fs::exists(status)) target_ = fs::canonical(path).string();
  temporary_ = target_ + ".tmp" + std::to_string(::getpid());
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ >= 0) return;
  if (is_machine_failure(errno)) machine_error(path, ": cannot be written: ", std::strerror(errno));
  input_error(path, ": expected a path that can be written, but found: ", std::strerror(errno),
              "; create its folder or choose another one");
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0 && error_ == 0) {
    const ssize_t written = ::write(file_, next, size);
    if (written >= 0) {
      next += written;
      size -= static_cast<size_t>(written);
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}

void OutputFile::commit() {
  if (error_ == 0 && ::fsync(file_) != 0) error_ = errno;
  if (::close(file_) != 0 && error_ == 0) error_ = errno;
  file_ = -1;
  if (error_ == 0 && std::rename(temporary_.c_str(), target_.c_str()) != 0) error_ = errno;
  if (error_ != 0) {
    machine_error(path_, ": expected to write the file, but found: ", std::strerror(error_),
                  "; free some disk space or choose another place");
  }
  temporary_.clear();
}

}  // namespace madx::io

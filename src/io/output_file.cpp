#include "io/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "io/temporary_name.h"
#include "madx/core/error.h"
#include "madx/core/system_failure.h"

namespace madx::io {
namespace {

namespace fs = std::filesystem;

/// Or -1, with errno.
int open_to_write(const std::string& path, int flags) {
  return ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
}

[[noreturn]] void cannot_open(const std::string& path, int error) {
  if (is_machine_failure(error)) write_failed(path, error);
  input_error(path, ": expected a path that can be written, but found: ", std::strerror(error),
              "; create its folder or choose another one");
}

}  // namespace

int open_output(const std::string& path) {
  const int file = open_to_write(path, 0);
  if (file < 0) cannot_open(path, errno);
  return file;
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
  do {
    temporary_ = temporary_beside(target_);
    file_ = open_to_write(temporary_, O_CREAT | O_EXCL);
  } while (file_ < 0 && errno == EEXIST);
  if (file_ < 0) cannot_open(path, errno);
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, size_t size) {
  if (error_ == 0) error_ = write_all(file_, {static_cast<const char*>(data), size});
}

const std::string& OutputFile::finish() {
  if (file_ >= 0) {
    if (error_ == 0 && ::fsync(file_) != 0) error_ = errno;
    if (::close(file_) != 0 && error_ == 0) error_ = errno;
    file_ = -1;
  }
  if (error_ != 0) write_failed(path_, error_);
  return temporary_;
}

void OutputFile::commit() {
  if (std::rename(finish().c_str(), target_.c_str()) != 0) write_failed(path_, errno);
  temporary_.clear();
}

}  // namespace madx::io

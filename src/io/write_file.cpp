#include "madx/io/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "madx/core/error.h"
#include "madx/io/system_failure.h"

namespace madx::io {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void write_failed(const std::string& path, int error) {
  machine_error(path, ": expected to write the file, but found: ", std::strerror(error),
                "; free some disk space or choose another place");
}

// Opened by `open_as`, named in messages by the path that the user gave.
int open_for_writing(const std::string& path, const std::string& open_as, int flags) {
  const int file = ::open(open_as.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (file >= 0) return file;
  if (is_machine_failure(errno)) write_failed(path, errno);
  input_error(path, ": expected a path that can be written, but found: ", std::strerror(errno),
              "; create its folder or choose another one");
}

// 0, or the errno of the call that failed. A signal (Ctrl-C) may cut a write short: what is left is
// written next.
int write_and_close(int file, std::string_view bytes, bool sync) {
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && sync && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace

void write_file(const std::string& path, std::string_view bytes) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) {
    input_error(path, ": expected a path for a file, but found a directory; choose another name");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    const int file = open_for_writing(path, path, 0);
    if (const int error = write_and_close(file, bytes, /*sync=*/false)) write_failed(path, error);
    return;
  }

  const std::string target = fs::is_symlink(fs::symlink_status(path, ignored)) && fs::exists(status)
                                 ? fs::canonical(path).string()
                                 : path;
  const std::string temporary = target + ".tmp" + std::to_string(::getpid());
  const int file = open_for_writing(path, temporary, O_CREAT | O_TRUNC);
  int error = write_and_close(file, bytes, /*sync=*/true);
  if (error == 0 && std::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    write_failed(path, error);
  }
}

}  // namespace madx::io

#include "madx/core/read_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/descriptor.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/core/system_failure.h"

namespace madx {
namespace {

constexpr size_t kLeast = size_t{64} << 10;  // to read at once where the size is not known

[[noreturn]] void reading_failed(const std::string& path, int error) {
  machine_error(path, ": expected to read the file, but found: ", std::strerror(error),
                "; check the disk, and run the command again");
}

}  // namespace

std::string read_bytes(const std::string& path, const std::string& expected) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0) {
    const int error = errno;
    if (is_machine_failure(error)) reading_failed(path, error);
    input_error(path, ": expected ", expected, ", but found none that can be opened (",
                std::strerror(error), "); check the path");
  }
  if (S_ISDIR(status.st_mode)) {
    input_error(path, ": expected ", expected, ", but found a directory; name a file in it");
  }

  // One byte more than there is, so that the end is found without growing.
  std::string bytes(S_ISREG(status.st_mode) ? static_cast<size_t>(status.st_size) + 1 : 0, '\0');
  for (size_t size = 0;;) {
    if (size == bytes.size()) bytes.resize(size + std::max(size, kLeast));
    const ssize_t got = ::read(file.number, bytes.data() + size, bytes.size() - size);
    if (got > 0) {
      size += static_cast<size_t>(got);
    } else if (got == 0) {
      bytes.resize(size);
      return bytes;
    } else if (errno != EINTR) {  // a signal (Ctrl-C) may cut a read short
      reading_failed(path, errno);
    }
  }
}

bool is_lfs_pointer(std::string_view bytes) {
  return starts_with(bytes, "version https://git-lfs.github.com/spec/");
}

}  // namespace madx

#include "madx/core/mapped_range.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

#include "core/descriptor.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/core/system_failure.h"

namespace madx {
namespace {

struct MappedRanges {
  struct End {
    size_t size;
    std::string path;
  };
  std::mutex mutex;
  std::map<const char*, End> by_start;
};

/// Never destroyed: what is in mapped memory may outlive what is.
MappedRanges& ranges() {
  static auto* const ranges = new MappedRanges;
  return *ranges;
}

[[noreturn]] void mapping_failed(const std::string& path, int error) {
  machine_error(path, ": expected to map the file, but found: ", std::strerror(error),
                "; check the machine, and run the command again");
}

}  // namespace

MappedRange::MappedRange(const std::string& path, Pages pages, const std::string& expected,
                         const std::string& advice)
    : path_(path) {
  const auto refuse = [&](const std::string& found, const std::string& what_to_do) {
    input_error(path, ": expected ", expected, ", but found ", found, "; ", what_to_do);
  };
  // O_NONBLOCK: a named pipe is refused below instead of waited for.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0) {
    const int error = errno;
    if (is_machine_failure(error)) mapping_failed(path, error);
    refuse(std::string("none that can be opened (") + std::strerror(error) + ")", advice);
  }
  if (S_ISDIR(status.st_mode)) refuse("a directory", advice);
  if (!S_ISREG(status.st_mode)) refuse("a device or pipe", advice);
  if (status.st_size == 0) refuse("an empty file", advice);
  size_ = static_cast<size_t>(status.st_size);
  const bool own = pages == Pages::kOwn;
  void* const memory = ::mmap(nullptr, size_, own ? PROT_READ | PROT_WRITE : PROT_READ,
                              own ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED, file.number, 0);
  if (memory == MAP_FAILED) mapping_failed(path, errno);
  data_ = static_cast<char*>(memory);
  if (is_lfs_pointer(bytes())) {
    ::munmap(data_, size_);
    refuse("a Git LFS pointer to it", "run `git lfs pull` in its folder");
  }
  const std::lock_guard lock(ranges().mutex);
  ranges().by_start[data_] = {size_, path_};
}

MappedRange::~MappedRange() {
  {
    const std::lock_guard lock(ranges().mutex);
    ranges().by_start.erase(data_);
  }
  ::munmap(data_, size_);
}

const char* mapped_path(const void* data, size_t size) {
  const auto* const first = static_cast<const char*>(data);
  const std::lock_guard lock(ranges().mutex);
  const auto& by_start = ranges().by_start;
  auto after = by_start.upper_bound(first);
  if (after == by_start.begin()) return nullptr;
  const auto& [start, range] = *--after;
  return first + size <= start + range.size ? range.path.c_str() : nullptr;
}

}  // namespace madx

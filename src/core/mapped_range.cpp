#include "madx/core/mapped_range.h"

#include <map>
#include <mutex>

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

}  // namespace

MappedRange::MappedRange(const void* data, size_t size, const std::string& path) : data_(data) {
  const std::lock_guard lock(ranges().mutex);
  ranges().by_start[static_cast<const char*>(data)] = {size, path};
}

MappedRange::~MappedRange() {
  const std::lock_guard lock(ranges().mutex);
  ranges().by_start.erase(static_cast<const char*>(data_));
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

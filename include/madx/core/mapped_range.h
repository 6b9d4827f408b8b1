#pragma once

#include <cstddef>
#include <string>

namespace madx {

/// Says, as long as it lives, that memory is a mapped file's.
///
/// A page of a mapped file that is gone, as the file was cut short or its disk failed, cannot be
/// read: the system sends the thread that tries SIGBUS, with the address and no name.
class MappedRange {
 public:
  /// [data, data + size) is memory of the file at `path`.
  MappedRange(const void* data, size_t size, const std::string& path);
  ~MappedRange();
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;

 private:
  const void* data_;
};

/// The path of the mapped file that [data, data + size) lies in, as long as it is mapped; nullptr
/// for other memory. A handler of SIGBUS may ask: what this locks is never held by who reads a
/// file.
const char* mapped_path(const void* data, size_t size = 1);

/// What to say of a file that is not what it was when it was mapped.
inline constexpr const char* kFileChanged =
    ": expected the file as it was when it was opened, but found a part of it gone or overwritten; "
    "leave it as it is while a program reads it, and run the command again";

}  // namespace madx

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace madx {

/// All of a file as memory: the system reads a page when it is first touched.
///
/// A page that is gone, as the file was cut short or its disk failed, cannot be read: the system
/// sends the thread that tries SIGBUS, with the address and no name.
class MappedRange {
 public:
  /// What pages are.
  enum class Pages {
    kShared,  ///< the file's, to be read alone
    kOwn,     ///< the same until one is written to: then this process's copy of it
  };

  /// Throws InputError where `path` cannot be opened, is no regular file, is empty or holds a Git
  /// LFS pointer: that `expected` was expected, what was found, and `advice`. MachineError where
  /// the system maps no more.
  MappedRange(const std::string& path, Pages pages, const std::string& expected,
              const std::string& advice);
  ~MappedRange();
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;

  const std::string& path() const { return path_; }  ///< as it was given
  char* data() const { return data_; }               ///< first byte; never null
  size_t size() const { return size_; }              ///< in bytes
  /// All of it; good as long as the mapping.
  std::string_view bytes() const { return {data_, size_}; }

 private:
  std::string path_;
  char* data_ = nullptr;
  size_t size_ = 0;
};

/// The path of the MappedRange that [data, data + size) lies in, as long as it is there; nullptr
/// for other memory. A handler of SIGBUS may ask: what this locks is never held by who reads a
/// file.
const char* mapped_path(const void* data, size_t size = 1);

/// What to say of a file that is not what it was when it was mapped.
inline constexpr const char* kFileChanged =
    ": expected the file as it was when it was opened, but found a part of it gone or overwritten; "
    "leave it as it is while a program reads it, and run the command again";

}  // namespace madx

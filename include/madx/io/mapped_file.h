#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "madx/core/mapped_range.h"

namespace madx::io {

/// A whole file as memory: the system reads a page when it is first touched. Writing to a page
/// changes this process's copy of it, never the file.
class MappedFile {
 public:
  /// Throws InputError when `path` cannot be opened, is no regular file or is empty, or holds a Git
  /// LFS pointer.
  explicit MappedFile(const std::string& path);

  const std::string& path() const { return range_.path(); }  ///< as it was given
  char* data() const { return range_.data(); }               ///< first byte; never null
  size_t size() const { return range_.size(); }              ///< in bytes
  std::string_view bytes() const { return range_.bytes(); }  ///< all; good as long as this

 private:
  MappedRange range_;
};

/// Whether [data, data + size) is a mapped file's.
bool is_mapped(const void* data, size_t size);

/// Lets go of the pages of memory that are whole in [data, data + size), where they are a mapped
/// file's: who reads them again waits for the file, and what was written to them is lost. Of other
/// memory it does nothing.
void forget_pages(const void* data, size_t size);

/// The most dimensions that a tensor of a file may have: LibTorch's operations take no more.
constexpr size_t kMostDimensions = 64;

/// The number of elements of a shape; nothing when a size is negative or the number overflows, also
/// where a size of 0 makes the number 0: strides are computed from the other sizes.
std::optional<int64_t> element_count(at::IntArrayRef sizes);

/// The number of elements from the first to the last that a strided tensor touches; nothing when a
/// stride is negative or the number overflows. `sizes` has passed `element_count`, and `strides` is
/// as long.
std::optional<int64_t> element_span(at::IntArrayRef sizes, at::IntArrayRef strides);

/// Memory that a file's tensors share.
struct SharedBytes {
  std::shared_ptr<void> owner;  ///< keeps the bytes
  char* data = nullptr;         ///< first byte
  size_t size = 0;              ///< how many

  std::string_view view() const { return {data, size}; }  ///< good as long as the owner
};

/// The bytes of a file, mapped. Throws as MappedFile does.
SharedBytes map_file(const std::string& path);

/// The bytes themselves, or a copy of them where they do not begin at a multiple of `alignment`
/// (at most 16).
SharedBytes aligned(const SharedBytes& bytes, size_t alignment);

/// Throws InputError, with `what` for file and key, for a byte that is neither 0 nor 1.
void check_booleans(std::string_view bytes, const std::string& what);

/// A tensor over memory whose elements start at `first` (bytes). The caller has checked that its
/// span lies inside, that `first` is aligned for the type, and that booleans are 0 or 1.
at::Tensor tensor_over(const SharedBytes& memory, size_t first, at::ScalarType dtype,
                       at::IntArrayRef sizes, at::IntArrayRef strides);

}  // namespace madx::io

#include "madx/io/mapped_file.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "madx/core/error.h"

namespace madx::io {

MappedFile::MappedFile(const std::string& path)
    : range_(path, MappedRange::Pages::kOwn, "a file that can be read",
             "check the path, or copy it again") {}

bool is_mapped(const void* data, size_t size) { return mapped_path(data, size) != nullptr; }

void forget_pages(const void* data, size_t size) {
  if (!is_mapped(data, size)) return;
  const auto* const first = static_cast<const char*>(data);
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(first) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(first) + size) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::optional<int64_t> element_count(at::IntArrayRef sizes) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : sizes) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, size, &count)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : count;
}

std::optional<int64_t> element_span(at::IntArrayRef sizes, at::IntArrayRef strides) {
  int64_t last = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (strides[i] < 0) return std::nullopt;
    int64_t steps = 0;
    if (__builtin_mul_overflow(std::max<int64_t>(sizes[i] - 1, 0), strides[i], &steps) ||
        __builtin_add_overflow(last, steps, &last)) {
      return std::nullopt;
    }
  }
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;
  if (__builtin_add_overflow(last, 1, &last)) return std::nullopt;
  return last;
}

SharedBytes map_file(const std::string& path) {
  const auto file = std::make_shared<MappedFile>(path);
  return {file, file->data(), file->size()};
}

SharedBytes aligned(const SharedBytes& bytes, size_t alignment) {
  if (reinterpret_cast<uintptr_t>(bytes.data) % alignment == 0) return bytes;
  const std::shared_ptr<char[]> copy(new char[bytes.size]);
  std::memcpy(copy.get(), bytes.data, bytes.size);
  return {copy, copy.get(), bytes.size};
}

void check_booleans(std::string_view bytes, const std::string& what) {
  const bool valid =
      std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0 || byte == 1; });
  if (!valid) {
    input_error(what, ": expected booleans stored as 0 or 1, but found another value; ",
                "the file is damaged, copy it again");
  }
}

at::Tensor tensor_over(const SharedBytes& memory, size_t first, at::ScalarType dtype,
                       at::IntArrayRef sizes, at::IntArrayRef strides) {
  const auto options = at::TensorOptions().dtype(dtype);
  if (element_span(sizes, strides).value() == 0) return at::empty(sizes, options);
  return at::from_blob(
      memory.data + first, sizes, strides, [owner = memory.owner](void*) {}, options);
}

}  // namespace madx::io

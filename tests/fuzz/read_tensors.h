#pragma once

#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "io/adapter_keys.h"
#include "madx/core/tensor_map.h"
#include "madx/io/mapped_file.h"

namespace madx::fuzz {

/// The bytes as a file in memory, in a block of exactly their size: AddressSanitizer sees every
/// access beyond it.
inline io::SharedBytes file_of(std::string_view bytes) {
  const std::shared_ptr<char[]> copy(new char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return {copy, copy.get(), bytes.size()};
}

/// Reads every byte of the first tensors and what their names say.
inline void read_tensors(const TensorMap& tensors) {
  constexpr size_t kMost = 16;  // a file may name one storage often
  for (size_t i = 0; i < std::min(kMost, tensors.size()); ++i) {
    const auto& item = tensors[i];
    const auto copy = at::empty_like(item.value());
    copy.copy_(item.value());
    if (const auto key = io::parse_file_key(item.key())) {
      if (!io::parse_adapter_key(io::adapter_key(key->key))) __builtin_trap();
    }
  }
}

}  // namespace madx::fuzz

#pragma once

#include <map>
#include <string>

#include "madx/core/tensor_map.h"

namespace madx::io {

/// The tensors of a safetensors file, memory-mapped: nothing is copied, and the mapping lives as
/// long as any of them. They are read-only by convention: writing to one changes this process's
/// copy of the page, never the file. Throws InputError naming file, key, expected and found:
/// truncated file, header that is no JSON, a shape that disagrees with its byte range, overlapping
/// or missing bytes, an unknown dtype.
TensorMap read_safetensors(const std::string& path);

/// Writes the file whole or not at all. Tensors of any device and strides are written contiguous.
/// Throws InputError for a name that is `__metadata__` or no UTF-8 and for a type that safetensors
/// has no word for, MachineError when writing fails.
void write_safetensors(const std::string& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace madx::io

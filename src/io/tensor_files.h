#pragma once

#include <string>

#include "madx/core/tensor_map.h"
#include "madx/io/mapped_file.h"

namespace madx::io {

/// What read_safetensors and read_torch_file do, over bytes in memory. `path` names them in errors.
TensorMap parse_safetensors(const std::string& path, const SharedBytes& file);
TensorMap parse_torch_file(const std::string& path, const SharedBytes& file);

}  // namespace madx::io

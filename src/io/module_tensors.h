#pragma once

#include <string>
#include <utility>
#include <vector>

#include "madx/core/tensor_map.h"

namespace madx::io {

/// A module's tensors with the keys that they have in a directory.
using ModuleTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The tensor of this key. Throws InputError, naming `directory`, when it is missing or of another
/// shape.
const at::Tensor& find_tensor(const TensorMap& tensors, const std::string& key,
                              at::IntArrayRef sizes, const std::string& directory);

/// Copies every tensor of `from` into the module's tensor of the same key. Throws InputError,
/// naming `directory`, when one is missing, extra or of another shape, or holds a number that is
/// not finite.
void copy_tensors(const ModuleTensors& into, const TensorMap& from, const std::string& directory);

TensorMap to_map(const ModuleTensors& tensors);

/// Throws InputError where `what` ("an adapter") is of another hidden size than the encoder.
void check_hidden_size(const std::string& directory, const char* what, int64_t found,
                       int64_t expected);

}  // namespace madx::io

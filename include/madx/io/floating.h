#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace madx::io {

/// A type as Python calls it: "float16", "int64", ...
std::string type_name(at::ScalarType type);

/// Throws InputError, with `what` for file and key, for a tensor that is no array of float32,
/// float16, bfloat16 or float64: whole numbers, complex ones and quantized ones are no weights.
void check_floating(const std::string& what, const at::Tensor& tensor);

}  // namespace madx::io

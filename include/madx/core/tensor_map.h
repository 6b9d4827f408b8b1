#pragma once

#include <ATen/core/Tensor.h>
#include <torch/ordered_dict.h>

#include <string>

namespace madx {

/// Tensors by name, in the order of their file.
using TensorMap = torch::OrderedDict<std::string, at::Tensor>;

}  // namespace madx

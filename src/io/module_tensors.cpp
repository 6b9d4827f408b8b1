#include "io/module_tensors.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>

#include "madx/core/error.h"

namespace madx::io {

const at::Tensor& find_tensor(const TensorMap& tensors, const std::string& key,
                              at::IntArrayRef sizes, const std::string& directory) {
  const auto* const found = tensors.find(key);
  if (found == nullptr) {
    input_error(directory, ": expected a tensor \"", key, "\" of shape ", sizes,
                " by the configuration, but there is none; are both files of one adapter?");
  }
  if (found->sizes() != sizes) {
    input_error(directory, ": expected \"", key, "\" of shape ", sizes, ", but found ",
                found->sizes(),
                "; the adapter is of another size than its configuration or the encoder says");
  }
  return *found;
}

void copy_tensors(const ModuleTensors& into, const TensorMap& from, const std::string& directory) {
  at::NoGradGuard no_grad;
  for (const auto& [key, tensor] : into) {
    auto target = tensor;
    target.copy_(find_tensor(from, key, tensor.sizes(), directory));
    if (!at::isfinite(target).all().item<bool>()) {
      input_error(directory, ": expected finite numbers, but found NaN or infinite ones in \"", key,
                  "\"; the file is damaged, or its training diverged: copy or train it again");
    }
  }
  for (const auto& item : from) {
    const auto known = [&](const auto& entry) { return entry.first == item.key(); };
    if (std::none_of(into.begin(), into.end(), known)) {
      input_error(directory, ": expected no tensor \"", item.key(),
                  "\" by the configuration, but found one of shape ", item.value().sizes());
    }
  }
}

TensorMap to_map(const ModuleTensors& tensors) {
  TensorMap map;
  for (const auto& [key, tensor] : tensors) map.insert(key, tensor.detach());
  return map;
}

void check_hidden_size(const std::string& directory, const char* what, int64_t found,
                       int64_t expected) {
  if (found != expected) {
    input_error(directory, ": expected ", what, " of hidden size ", expected,
                ", the encoder's, but found ", found, "; it was trained for another encoder");
  }
}

}  // namespace madx::io

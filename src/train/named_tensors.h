#pragma once

#include <torch/utils.h>

#include <algorithm>
#include <vector>

#include "madx/core/error.h"
#include "madx/train/checkpoint.h"

namespace madx::detail {

inline NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors copied;
  for (const auto& [name, tensor] : tensors) copied.emplace_back(name, tensor.detach().clone());
  return copied;
}

/// Each tensor once, under the first of its names: an optimizer would step twice for two.
inline NamedTensors distinct(const NamedTensors& tensors) {
  NamedTensors once;
  for (const auto& entry : tensors) {
    const auto same = [&](const auto& other) { return other.second.is_same(entry.second); };
    if (std::none_of(once.begin(), once.end(), same)) once.push_back(entry);
  }
  return once;
}

/// Throws InputError where `from` has not the names and shapes of `into`.
inline void check_fits(const NamedTensors& into, const NamedTensors& from) {
  const auto same = [](const auto& left, const auto& right) {
    return left.first == right.first && left.second.sizes() == right.second.sizes();
  };
  if (std::equal(into.begin(), into.end(), from.begin(), from.end(), same)) return;
  input_error(
      "the checkpoint: expected the tensors of this run, but found others; start anew without it");
}

/// Copies saved tensors back, name by name, each into the type of its place.
inline void restore(const NamedTensors& into, const NamedTensors& from) {
  const torch::NoGradGuard no_grad;
  check_fits(into, from);
  for (size_t i = 0; i < into.size(); ++i) {
    auto target = into[i].second;
    target.copy_(from[i].second);
  }
}

inline std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& entry : named) tensors.push_back(entry.second);
  return tensors;
}

}  // namespace madx::detail

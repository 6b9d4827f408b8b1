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

/// Copies saved tensors back, name by name, each into the type of its place.
inline void restore(const NamedTensors& into, const NamedTensors& from) {
  torch::NoGradGuard no_grad;
  bool fits = into.size() == from.size();
  for (size_t i = 0; fits && i < into.size(); ++i) {
    fits = into[i].first == from[i].first && into[i].second.sizes() == from[i].second.sizes();
    if (!fits) break;
    auto target = into[i].second;
    target.copy_(from[i].second);
  }
  if (!fits)
    input_error(
        "the checkpoint: expected the tensors of this run, but found others; start anew without "
        "it");
}

inline std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& entry : named) tensors.push_back(entry.second);
  return tensors;
}

}  // namespace madx::detail

#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/adapter_set.h"

namespace madx {

/// A new set whose every weight is sum_i weights[i] * that of sets[i], the invertible adapter's
/// included. AdapterHub's `average_adapter` (linear) with normalised weights: weights that add up
/// to 1 keep the size of what the adapters do. Throws InputError where the sets have not the same
/// tensors, naming the first that differs; `names` are the sets' names in messages.
inline AdapterSet average_sets(const std::vector<AdapterSet>& sets,
                               const std::vector<double>& weights,
                               const std::vector<std::string>& names) {
  TORCH_CHECK(!sets.empty() && sets.size() == weights.size() && sets.size() == names.size(),
              "average_sets: expected one set or more, and a weight and a name of each, but got ",
              sets.size(), ", ", weights.size(), " and ", names.size());
  const torch::NoGradGuard no_grad;
  AdapterSet average(AdapterSetOptions(sets.front()->options));
  const auto first = sets.front()->named_tensors();
  auto target = average->named_tensors();
  std::vector<at::Tensor> sums;
  for (const auto& item : first) sums.push_back(at::zeros_like(item.second));
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto tensors = sets[i]->named_tensors();
    const auto count = std::max(tensors.size(), first.size());
    for (size_t j = 0; j < count; ++j) {
      const bool longer = j >= first.size(), shorter = j >= tensors.size();
      if (longer || shorter || tensors[j].first != first[j].first ||
          tensors[j].second.sizes() != first[j].second.sizes()) {
        const auto& key = longer ? tensors[j].first : first[j].first;
        input_error("average of ", names.front(), " and ", names[i],
                    ": expected the same tensors in both, but \"", key, "\" is ",
                    longer || shorter || tensors[j].first != first[j].first ? "in one of them alone"
                                                                            : "of another shape",
                    "; average adapters of one configuration");
      }
      sums[j].add_(tensors[j].second.to(sums[j].device()), weights[i]);
    }
  }
  average->to(first.front().second.device());
  for (size_t j = 0; j < target.size(); ++j) target[j].second.copy_(sums[j]);
  return average;
}

}  // namespace madx

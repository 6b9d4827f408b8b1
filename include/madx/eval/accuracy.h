#pragma once

#include <string>
#include <vector>

#include "madx/core/error.h"

namespace madx {

/// Percent of the tokens whose tag is predicted. Throws InputError where lengths differ.
inline double tag_accuracy(const std::vector<std::vector<std::string>>& gold,
                           const std::vector<std::vector<std::string>>& predicted) {
  const auto require = [](bool same) {
    if (!same) input_error("tag_accuracy: expected as many predictions as tags");
  };
  require(gold.size() == predicted.size());
  size_t right = 0, all = 0;
  for (size_t s = 0; s < gold.size(); ++s) {
    require(gold[s].size() == predicted[s].size());
    for (size_t i = 0; i < gold[s].size(); ++i) right += gold[s][i] == predicted[s][i] ? 1 : 0;
    all += gold[s].size();
  }
  return all == 0 ? 0 : 100 * static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace madx

#pragma once

#include <vector>

#include "madx/io/adapterhub.h"

namespace madx::io {

/// How much each adapter counts in an average.
struct AverageOptions {
  std::vector<double> weights;    ///< one an adapter; empty: all alike
  bool normalize_weights = true;  ///< divide them by their sum
};

/// One adapter whose every tensor, invertible adapter included, is the weighted sum of the
/// adapters' tensors, as Python's `average_adapter` with its linear strategy makes it. Name,
/// configuration and encoder are the first one's. Throws InputError, naming adapter and key, where
/// the adapters differ in encoder, configuration (dropout and initialisation aside), or the name or
/// shape of a tensor, and for weights that are not one an adapter, are not finite or whose sum is
/// 0.
AdapterDirectory average_adapters(const std::vector<AdapterDirectory>& adapters,
                                  const AverageOptions& options = {});

}  // namespace madx::io

#pragma once

#include <cstdint>
#include <vector>

#include "madx/adapters/adapter_stack.h"

namespace madx {

/// AdapterDrop in training (Rücklé et al. 2021): for each batch no adapter acts in the first n
/// layers, n drawn from 0 to `most`. Afterwards adapters can be left out of as many layers
/// (AdapterStack::skip_first_layers), for speed, at little cost.
class AdapterDrop {
 public:
  /// `most` layers at most, 0 for none; the bank's options come back by `restore`. Throws
  /// c10::Error for more layers than there are.
  AdapterDrop(AdapterStack adapters, int64_t most, uint64_t seed);

  /// The layers of batch `index`: a function of seed and index alone.
  void draw(int64_t index);
  /// As it was before: for evaluation.
  void restore();

 private:
  AdapterStack adapters_;
  int64_t most_;
  uint64_t seed_;
  std::vector<int64_t> otherwise_;
};

}  // namespace madx

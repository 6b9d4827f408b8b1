#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/data/masking.h"

namespace madx {

/// AdapterDrop in training (Rücklé et al. 2021): for each batch no adapter acts in the first n
/// layers, n drawn from 0 to `most`. Afterwards adapters can be left out of as many layers
/// (AdapterStack::skip_first_layers), for speed, at little cost.
class AdapterDrop {
 public:
  /// `most` layers at most, 0 for none; the bank's options come back by `restore`. Throws
  /// c10::Error for more layers than there are.
  AdapterDrop(AdapterStack adapters, int64_t most, uint64_t seed)
      : adapters_(std::move(adapters)),
        most_(most),
        seed_(seed),
        otherwise_(adapters_->options().skipped_layers()) {
    TORCH_CHECK(most_ >= 0 && most_ <= adapters_->num_layers(),
                "AdapterDrop: expected at most the encoder's ", adapters_->num_layers(),
                " layers, but got ", most_);
  }

  /// The layers of batch `index`: a function of seed and index alone.
  void draw(int64_t index) {
    if (most_ == 0) return;
    constexpr uint64_t kPurpose = 0x64726f70;  // apart from what else the seed is used for
    RandomStream random(mix_seeds({seed_, static_cast<uint64_t>(index), kPurpose}));
    adapters_->skip_first_layers(random.below(most_ + 1));
  }
  /// As it was before: for evaluation.
  void restore() {
    if (most_ > 0) adapters_->skip_layers(otherwise_);
  }

 private:
  AdapterStack adapters_;
  int64_t most_;
  uint64_t seed_;
  std::vector<int64_t> otherwise_;
};

}  // namespace madx

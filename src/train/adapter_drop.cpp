#include "madx/train/adapter_drop.h"

#include <utility>

#include "madx/data/masking.h"

namespace madx {

AdapterDrop::AdapterDrop(AdapterStack adapters, int64_t most, uint64_t seed)
    : adapters_(std::move(adapters)),
      most_(most),
      seed_(seed),
      otherwise_(adapters_->options().skipped_layers()) {
  TORCH_CHECK(most_ >= 0 && most_ <= adapters_->num_layers(),
              "AdapterDrop: expected at most the encoder's ", adapters_->num_layers(),
              " layers, but got ", most_);
}

void AdapterDrop::draw(int64_t index) {
  if (most_ == 0) return;
  constexpr uint64_t kPurpose = 0x64726f70;  // apart from what else the seed is used for
  RandomStream random(mix_seeds({seed_, static_cast<uint64_t>(index), kPurpose}));
  adapters_->skip_first_layers(random.below(most_ + 1));
}

void AdapterDrop::restore() {
  if (most_ > 0) adapters_->skip_layers(otherwise_);
}

}  // namespace madx

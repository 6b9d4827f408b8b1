#include "madx/train/language_draw.h"

#include <ATen/ATen.h>

#include "madx/data/masking.h"

namespace madx {

const std::string& draw_language(const std::vector<std::string>& languages, uint64_t seed,
                                 int64_t index) {
  TORCH_CHECK(!languages.empty(), "draw_language: expected languages, but got none");
  constexpr uint64_t kPurpose = 0x6c616e67;  // apart from what else the seed is used for
  RandomStream random(mix_seeds({seed, static_cast<uint64_t>(index), kPurpose}));
  return languages[static_cast<size_t>(random.below(static_cast<int64_t>(languages.size())))];
}

}  // namespace madx

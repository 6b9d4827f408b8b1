#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "madx/data/masking.h"

namespace madx {

/// Target-language-ready task adapters (Parović et al. 2023): the one of `languages` under whose
/// adapters batch `index` of a training runs. A function of seed and index alone; each language is
/// as likely as the others. Throws c10::Error where there is none.
inline const std::string& draw_language(const std::vector<std::string>& languages, uint64_t seed,
                                        int64_t index) {
  TORCH_CHECK(!languages.empty(), "draw_language: expected languages, but got none");
  constexpr uint64_t kPurpose = 0x6c616e67;  // apart from what else the seed is used for
  RandomStream random(mix_seeds({seed, static_cast<uint64_t>(index), kPurpose}));
  return languages[static_cast<size_t>(random.below(static_cast<int64_t>(languages.size())))];
}

}  // namespace madx

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace madx {

/// Target-language-ready task adapters (Parović et al. 2023): the one of `languages` under whose
/// adapters batch `index` of a training runs. A function of seed and index alone; each language is
/// as likely as the others. Throws c10::Error where there is none.
const std::string& draw_language(const std::vector<std::string>& languages, uint64_t seed,
                                 int64_t index);

}  // namespace madx

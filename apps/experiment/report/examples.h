#pragma once

#include <string>

#include "apps/experiment/experiment_results.h"

namespace madx::apps::detail {

// Sentences that row madx has right and the baseline wrong, and the reverse, at most ten of each a
// language: with the first source and seed that both have predictions of. A section a language;
// one that says why where there is none.
std::string examples_section(const ExperimentResults& results);

}  // namespace madx::apps::detail

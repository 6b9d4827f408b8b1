#pragma once

#include <string>

#include "apps/experiment/experiment_results.h"

namespace madx::apps::detail {

// A chart a language with a bar a row.
std::string bars_section(const ExperimentResults& results);

// How language adapters learned, and what their targets' F1 was on the way. Empty where no training
// kept its curve and no point of F1 was measured.
std::string learning_section(const ExperimentResults& results);

}  // namespace madx::apps::detail

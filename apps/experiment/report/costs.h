#pragma once

#include <string>

#include "apps/experiment/experiment_results.h"

namespace madx::apps::detail {

// What the experiment cost: by kind of training, with sizes beside a full model's, then training by
// training, then the commands that make each piece again.
std::string costs_section(const ExperimentResults& results);

}  // namespace madx::apps::detail

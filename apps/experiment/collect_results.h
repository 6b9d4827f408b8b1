#pragma once

#include <string>

#include "apps/experiment/experiment_plan.h"
#include "apps/experiment/experiment_results.h"

namespace madx::apps {

/// What the pieces that are done have found out. A cell whose piece is not done is a gap, with its
/// reason. Throws InputError where a finished piece's files cannot be read.
ExperimentResults collect_results(const ExperimentConfig& config, const ExperimentPlan& plan,
                                  const std::string& command_line);

}  // namespace madx::apps

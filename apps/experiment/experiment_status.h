#pragma once

#include <ostream>

#include "apps/experiment/experiment_plan.h"

namespace madx::apps {

/// Lists the pieces with their states: done, running (where, at which step), failed (why), stopped,
/// blocked, waiting.
void print_status(std::ostream& out, const ExperimentPlan& plan);

/// Lists the work that is left, with its estimated time and memory, and what cannot be done.
void print_work(std::ostream& out, const ExperimentConfig& config, const ExperimentPlan& plan);

}  // namespace madx::apps

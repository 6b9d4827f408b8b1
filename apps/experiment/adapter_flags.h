#pragma once

#include <string>

#include "apps/experiment/experiment_config.h"

namespace madx::apps {

/// The flags of a language's adapter for `row`, with what makes the row what it is. One that starts
/// from another adapter has the shape of that, and none of its own; of `source`, none starts from
/// the source's adapter, or stays near to it. Throws InputError for flags that contradict each
/// other: here, not when the piece starts. `last_layer` as in add_row_flags.
FlagValues adapter_flags(const ExperimentConfig& config, const std::string& row,
                         const std::string& language, const std::string& source,
                         const std::string& last_layer);

/// Throws InputError for flags that say nothing without one that is missing, or 0.
void check_companions(const ExperimentConfig& config, const FlagValues& flags);

}  // namespace madx::apps

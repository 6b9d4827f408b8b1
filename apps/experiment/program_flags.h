#pragma once

#include <string>

#include "apps/experiment/experiment_config.h"

namespace madx::apps {

/// Throws InputError, naming file and key, for flags of the configuration that the program which
/// would be called with them does not know, and for one with a value where it takes none, or the
/// other way round. `programs` is the folder in which the programs stand: they say what they know
/// by --help.
void check_program_flags(const ExperimentConfig& config, const std::string& programs);

}  // namespace madx::apps

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/experiment_config.h"

namespace madx::apps {

/// What zero_shot_ner calls the setup of a row's task adapter.
std::string setup_of(const std::string& row);
/// The kinds of pieces that a row has of its own, as the keys of its flags; what it takes from
/// another row has its flags there.
std::vector<std::string> kinds_of_row(const std::string& row);
/// The row whose task adapter a row has: those that differ in testing alone have that of madx.
std::string task_row(const std::string& row);
/// The row whose language adapters a row has: its own where they differ, that of madx elsewhere.
std::string adapter_row(const ExperimentConfig& config, const std::string& row);
/// A language's ready adapter for a row; nothing where there is none for it. A row whose adapters
/// differ from those of madx has one only where there is no text to train its own: madx-2.0 leaves
/// the last layer out of any, houlsby takes one of Houlsby's placement. `row` as adapter_row gives.
std::optional<std::string> ready_adapter(const ExperimentConfig& config, const std::string& row,
                                         const std::string& language);

/// Adds what makes a row what it is, where the configuration has no other value for the row itself.
/// `last_layer` is the number of the encoder's last layer.
void add_row_flags(const ExperimentConfig& config, PieceKind kind, const std::string& row,
                   const std::string& last_layer, FlagValues& flags);
/// Whether the configuration has a flag for the row itself.
bool row_has_flag(const ExperimentConfig& config, PieceKind kind, const std::string& row,
                  const std::string& flag);

}  // namespace madx::apps

#pragma once

#include <string>

#include "apps/run/recipe.h"
#include "madx/train/checkpoint.h"

namespace madx::apps {

/// Writes `directory` whole or not at all, in place of an older one.
void write_checkpoint(const std::string& directory, const Checkpoint& checkpoint,
                      const Recipe& recipe);

/// Throws InputError when a file is missing or damaged, or when the checkpoint is of another
/// recipe, naming what differs.
Checkpoint read_checkpoint(const std::string& directory, const Recipe& recipe);

bool has_checkpoint(const std::string& directory);

}  // namespace madx::apps

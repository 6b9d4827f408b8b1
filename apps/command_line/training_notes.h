#pragma once

#include <string>

#include "apps/command_line/flags.h"

namespace madx::apps {

/// Says on standard error which flags do nothing in a training of these steps and data. They are no
/// error: an experiment gives one set of flags to trainings of large and small files, with held-out
/// data and without. `held_out_flag` is the flag that would give such data, "" where it did.
void say_idle_flags(const TrainingFlags& flags, const TrainerOptions& options,
                    const std::string& held_out_flag, int64_t snapshot_every = 0);

}  // namespace madx::apps

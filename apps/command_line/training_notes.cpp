#include "apps/command_line/training_notes.h"

#include "apps/run/notes.h"
#include "madx/core/plain_text.h"

namespace madx::apps {

void say_idle_flags(const TrainingFlags& flags, const TrainerOptions& options,
                    const std::string& held_out_flag, int64_t snapshot_every) {
  if (flags.eval_every > 0 && !held_out_flag.empty()) {
    note("--eval-every " + std::to_string(flags.eval_every) + ": expected " + held_out_flag +
         " beside it, but found none, so nothing is evaluated");
  }
  const auto steps = counted(options.steps, "step");
  if (options.warmup_steps > options.steps) {
    note("--warmup-steps " + std::to_string(options.warmup_steps) + ": expected at most the " +
         steps + " of the training, which ends before the peak learning rate is reached");
  }
  if (snapshot_every > options.steps) {
    note("--snapshot-every " + std::to_string(snapshot_every) + ": expected at most the " + steps +
         " of the training, so no snapshot is written");
  }
}

}  // namespace madx::apps

#include <cmath>

#include "madx/train/trainer.h"

namespace madx {

void check_trainer_options(const TrainerOptions& options) {
  const auto require = [](bool holds, const char* option, const char* expected, auto found) {
    if (!holds)
      input_error("TrainerOptions: expected ", option, " ", expected, ", but found ", found);
  };
  const auto finite = [](double value) { return std::isfinite(value); };
  require(options.steps > 0, "steps", "above 0", options.steps);
  require(options.gradient_accumulation > 0, "gradient_accumulation", "above 0",
          options.gradient_accumulation);
  require(options.lr > 0 && finite(options.lr), "lr", "above 0", options.lr);
  require(options.warmup_steps >= 0, "warmup_steps", "of at least 0", options.warmup_steps);
  require(options.weight_decay >= 0 && finite(options.weight_decay), "weight_decay",
          "of at least 0", options.weight_decay);
  require(options.max_gradient_norm > 0, "max_gradient_norm", "above 0", options.max_gradient_norm);
  require(options.log_every > 0, "log_every", "above 0", options.log_every);
  require(options.eval_every >= 0, "eval_every", "of at least 0", options.eval_every);
  require(options.save_every >= 0, "save_every", "of at least 0", options.save_every);
  require(options.average_every >= 0 && options.average_every < options.steps, "average_every",
          "from 0 to below steps, so that there are several to average", options.average_every);
}

}  // namespace madx

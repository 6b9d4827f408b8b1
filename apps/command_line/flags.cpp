#include "apps/command_line/flags.h"

#include <algorithm>
#include <cmath>

#include "apps/command_line/command_line.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/io/adapter_config.h"

namespace madx::apps {
namespace {

/// Of a batch: what is beyond is a slip of the hand, and would end in a lack of memory.
constexpr int64_t kMostSequences = int64_t{1} << 20;
/// Of a step, and passes of a run: with these, and so many steps, no count of batches overflows.
constexpr int64_t kMostBatches = int64_t{1} << 20, kMostSteps = int64_t{1} << 40;

template <class Number>
void require(bool holds, const std::string& flag, const std::string& expected, Number found) {
  if (!holds) input_error(flag, ": expected ", expected, ", but found ", found);
}

}  // namespace

void TrainingFlags::add_to(CLI::App& app) {
  app.add_option("--steps", steps, "Number of optimizer steps (or give --epochs)");
  app.add_option("--epochs", epochs,
                 "Passes over the training data (default: " + std::to_string(default_epochs) + ")");
  batch_size_option_ =
      app.add_option("--batch-size", batch_size, "Sequences per batch")->capture_default_str();
  app.add_option(
      "--batch-tokens", batch_tokens,
      "Tokens per batch, instead of --batch-size: as many sequences of --max-length as fit");
  app.add_option("--gradient-accumulation", gradient_accumulation, "Batches per optimizer step")
      ->capture_default_str();
  app.add_option("--max-length", max_length, "Maximum tokens per sequence, special ones included")
      ->capture_default_str();
  app.add_option("--lr", lr, "Peak learning rate of AdamW; after warm-up it decays linearly to 0")
      ->capture_default_str();
  app.add_option("--warmup-steps", warmup_steps,
                 "Steps of linear warm-up (default: a twentieth of the steps)");
  app.add_option("--weight-decay", weight_decay,
                 "Weight decay of AdamW; it applies to weight matrices only")
      ->capture_default_str();
  app.add_option("--eval-every", eval_every,
                 "Evaluate on held-out data every N steps; 0: only at the end (zero_shot_ner with "
                 "--dev: after each epoch)")
      ->capture_default_str();
  app.add_option("--save-every", save_every,
                 "Also write a checkpoint every N steps, and keep the last one in the output "
                 "directory; 0: off")
      ->capture_default_str();
  app.add_option("--save-minutes", save_minutes,
                 "Minutes between checkpoints; one is also written on Ctrl-C or SIGTERM")
      ->capture_default_str();
  app.add_option("--average-every", average_every,
                 "Checkpoint averaging: keep the mean of what was learned after every N steps and "
                 "at the end, instead of the best on held-out data; 0: off")
      ->capture_default_str();
  app.add_option("--log-every", log_every, "Write a line of metrics.jsonl every N steps")
      ->capture_default_str();
  app.add_flag("--resume", resume, "Continue from the checkpoint in the output directory");
  app.add_option("--seed", seed, "Seed of all random numbers")->capture_default_str();
  app.add_flag("--no-encoder-dropout", no_encoder_dropout,
               "Train with the encoder's own dropout off");
  app.add_flag("--gradient-checkpointing", gradient_checkpointing,
               "Recompute each layer in the backward pass: less memory, a third more time");
}

void TrainingFlags::check() {
  const auto count = [](const std::string& flag, int64_t value, int64_t most) {
    require(value > 0, flag, "a number above 0", value);
    require(value <= most, flag, "at most " + std::to_string(most), value);
  };
  count("--steps", steps.value_or(1), kMostSteps);
  count("--epochs", epochs.value_or(1), kMostBatches);
  if (steps && epochs) input_error("--steps and --epochs: expected one of them, but found both");
  if (batch_tokens) {
    if (batch_size_option_ != nullptr && batch_size_option_->count() > 0)
      input_error("--batch-size and --batch-tokens: expected one of them, but found both");
    require(max_length > 0 && *batch_tokens >= max_length, "--batch-tokens",
            "at least --max-length, " + std::to_string(max_length), *batch_tokens);
    batch_size = *batch_tokens / max_length;
  }
  require(batch_size > 0, "--batch-size", "a number above 0", batch_size);
  require(batch_size <= kMostSequences, batch_tokens ? "--batch-tokens" : "--batch-size",
          "at most " + std::to_string(kMostSequences) + " sequences", batch_size);
  count("--gradient-accumulation", gradient_accumulation, kMostBatches);
  require(lr > 0 && std::isfinite(lr), "--lr", "a number above 0", lr);
  require(warmup_steps.value_or(0) >= 0, "--warmup-steps", "a number of at least 0",
          warmup_steps.value_or(0));
  require(weight_decay >= 0 && std::isfinite(weight_decay), "--weight-decay",
          "a number of at least 0", weight_decay);
  require(log_every > 0, "--log-every", "a number above 0", log_every);
  require(eval_every >= 0, "--eval-every", "a number of at least 0", eval_every);
  require(save_every >= 0, "--save-every", "a number of at least 0", save_every);
  require(average_every >= 0, "--average-every", "a number of at least 0", average_every);
  require(save_minutes > 0, "--save-minutes", "a number above 0", save_minutes);
}

TrainerOptions TrainingFlags::trainer_options(int64_t epoch_batches) const {
  TrainerOptions options;
  const auto passes = epochs.value_or(default_epochs);
  options.steps =
      steps.value_or(std::max<int64_t>(1, passes * epoch_batches / gradient_accumulation));
  options.gradient_accumulation = gradient_accumulation;
  options.lr = lr;
  options.warmup_steps = warmup_steps.value_or(options.steps / 20);
  options.weight_decay = weight_decay;
  options.eval_every = eval_every;
  options.save_every = save_every;
  require(average_every < options.steps, "--average-every",
          "a number below the " + counted(options.steps, "step") +
              ", so that there are several to average",
          average_every);
  options.average_every = average_every;
  options.log_every = log_every;
  options.seed = seed;
  return options;
}

void TrainingFlags::describe(const TrainerOptions& options, Recipe& recipe) const {
  const std::map<std::string, std::string> settings = {
      {"--steps", exact_text(options.steps)},
      {"--batch-size", exact_text(batch_size)},
      {"--gradient-accumulation", exact_text(options.gradient_accumulation)},
      {"--max-length", exact_text(max_length)},
      {"--lr", exact_text(options.lr)},
      {"--warmup-steps", exact_text(options.warmup_steps)},
      {"--weight-decay", exact_text(options.weight_decay)},
      {"--eval-every", exact_text(options.eval_every)},
      {"--seed", exact_text(options.seed)},
      {"--no-encoder-dropout", no_encoder_dropout ? "given" : "not given"}};
  recipe.settings.insert(settings.begin(), settings.end());
  if (options.average_every > 0)  // runs from before there was the flag have no such setting
    recipe.settings["--average-every"] = exact_text(options.average_every);
}

void TrainingFlags::apply_to(Encoder& encoder) const {
  encoder->use_dropout(!no_encoder_dropout);
  encoder->use_gradient_checkpointing(gradient_checkpointing);
}

void check_max_length(int64_t max_length, const EncoderConfig& config) {
  if (max_length < 3 || max_length > config.max_length()) {
    input_error("--max-length: expected 3 to ", config.max_length(),
                " tokens, what the encoder's positions hold, but found ", max_length);
  }
}

void check_layers(const std::string& flag, const std::vector<int64_t>& layers,
                  const EncoderConfig& config) {
  for (const auto layer : layers) {
    if (layer < config.num_hidden_layers) continue;
    input_error(flag, ": expected layers below ", config.num_hidden_layers, ", but found ", layer);
  }
}

void AdapterFlags::add_to(CLI::App& app, double default_reduction_factor) {
  reduction_factor = default_reduction_factor;
  app.add_option("--config", config,
                 "Adapter configuration: pfeiffer, houlsby or parallel (seq_bn, double_seq_bn, "
                 "par_bn), with AdapterHub's keys in brackets: \"seq_bn[non_linearity='gelu']\"")
      ->capture_default_str();
  reduction_factor_option_ = app.add_option("--reduction-factor", reduction_factor,
                                            "Hidden size divided by bottleneck size")
                                 ->capture_default_str();
  app.add_option("--leave-out", leave_out,
                 "Layers without adapters, from 0 on, separated by commas, e.g. 11 (MAD-X 2.0)");
  app.add_option("--adapter-drop", adapter_drop,
                 "AdapterDrop: each training batch skips the adapters of the first 0 to N layers, "
                 "drawn at random")
      ->capture_default_str();
}

void AdapterFlags::check_adapter_drop(const EncoderConfig& config,
                                      const BottleneckConfig& adapter) const {
  auto last = config.num_hidden_layers - 1;  // layer with an adapter
  const auto& left_out = adapter.leave_out;
  while (last > 0 && std::count(left_out.begin(), left_out.end(), last) > 0) --last;
  if (adapter_drop >= 0 && adapter_drop <= last) return;
  input_error("--adapter-drop: expected 0 to ", last,
              ", so that some layer keeps its adapter, but found ", adapter_drop);
}

BottleneckConfig AdapterFlags::bottleneck_config() const {
  auto adapter = io::parse_config_string(config);
  const auto refuse_two = [&](const char* flag, const char* key, bool given) {
    if (!given || adapter.spelling.count(key) == 0) return;
    input_error(flag, ": expected it, or ", key, " in --config, but found both; leave one out");
  };
  const bool given = reduction_factor_option_ != nullptr && reduction_factor_option_->count() > 0;
  refuse_two("--reduction-factor", "reduction_factor", given);
  refuse_two("--leave-out", "leave_out", !leave_out.empty());
  require(reduction_factor > 0 && std::isfinite(reduction_factor), "--reduction-factor",
          "a number above 0", reduction_factor);
  if (adapter.spelling.count("reduction_factor") == 0) adapter.reduction_factor = reduction_factor;
  if (!leave_out.empty()) adapter.leave_out = parse_layers("--leave-out", leave_out);
  return adapter;
}

void AdapterFlags::describe(const BottleneckConfig& config, Recipe& recipe) const {
  recipe.settings["--adapter-drop"] = std::to_string(adapter_drop);
  for (const auto& [key, value] : io::config_values(config))
    recipe.settings["--config " + key] = value;
}

}  // namespace madx::apps

#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/recipe.h"
#include "madx/adapters/bottleneck_config.h"
#include "madx/models/encoder.h"
#include "madx/train/trainer.h"

namespace madx::apps {

/// Flags that the training programs share, with their defaults. One place: a flag means the same in
/// each.
struct TrainingFlags {
  std::optional<int64_t> steps;
  std::optional<int64_t> epochs;
  int64_t default_epochs = 3;
  int64_t batch_size = 8;
  std::optional<int64_t> batch_tokens;  ///< instead of batch_size, which `check` sets by it
  int64_t gradient_accumulation = 1;
  int64_t max_length = 128;
  double lr = 1e-4;
  std::optional<int64_t> warmup_steps;
  double weight_decay = 0.0;
  int64_t eval_every = 0;
  int64_t save_every = 0;
  int64_t average_every = 0;
  double save_minutes = 10;
  int64_t log_every = 10;
  bool resume = false;
  uint64_t seed = 42;
  bool no_encoder_dropout = false;
  bool gradient_checkpointing = false;

  void add_to(CLI::App& app);

  /// Throws InputError for a value that no run can have. Sets the batch size that --batch-tokens
  /// comes to.
  void check();

  /// Sets the encoder's dropout and gradient checkpointing.
  void apply_to(Encoder& encoder) const;

  /// The trainer's options for a run of `epoch_batches` batches an epoch; after `check`. Throws
  /// InputError where --average-every has no two steps to average.
  TrainerOptions trainer_options(int64_t epoch_batches) const;

  /// Adds what these flags, with `options` made of them, decide of a run's results. Where it is
  /// logged, saved and computed decides nothing.
  void describe(const TrainerOptions& options, Recipe& recipe) const;

 private:
  CLI::Option* batch_size_option_ = nullptr;
};

/// Throws InputError when --max-length is below 3 or above what the encoder's positions hold.
void check_max_length(int64_t max_length, const EncoderConfig& config);

/// Throws InputError when `flag` names a layer that the encoder has not.
void check_layers(const std::string& flag, const std::vector<int64_t>& layers,
                  const EncoderConfig& config);

/// `--config` with the sizes beside it.
struct AdapterFlags {
  std::string config = "pfeiffer";
  double reduction_factor = 0;  ///< 0: the program's default
  std::string leave_out;
  int64_t adapter_drop = 0;

  void add_to(CLI::App& app, double default_reduction_factor);
  /// Throws InputError where --adapter-drop would leave some batch without any adapter.
  void check_adapter_drop(const EncoderConfig& config, const BottleneckConfig& adapter) const;
  /// Throws InputError where a configuration string and a flag both name a value.
  BottleneckConfig bottleneck_config() const;
  /// Adds what decides a run's results: all keys of `config`, made of these flags, and AdapterDrop.
  void describe(const BottleneckConfig& config, Recipe& recipe) const;

 private:
  CLI::Option* reduction_factor_option_ = nullptr;
};

}  // namespace madx::apps

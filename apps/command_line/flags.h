#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/recipe.h"
#include "madx/adapters/bottleneck_config.h"
#include "madx/models/encoder.h"
#include "madx/train/rank_group.h"
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

/// Where the work runs.
struct DeviceFlags {
  int threads = 0;
  std::string device = "auto";
  std::string dtype = "float32";

  void add_to(CLI::App& app);
  /// --threads and --device, without --dtype: for a program that runs every form of a weight.
  void add_place_to(CLI::App& app);
  /// --threads alone: for a program of the CPU.
  void add_threads_to(CLI::App& app);
  /// Sets the number of threads and returns the device. Throws InputError for one that this build
  /// or machine has not, for a --dtype that there is no use in, and for a GPU beside several ranks,
  /// which is not there yet.
  at::Device apply(const RankGroup& ranks = one_process()) const;
  /// Adds what decides a run's results.
  void describe(Recipe& recipe) const { recipe.settings["--dtype"] = dtype; }
  /// How the encoder's weights are kept for work on `device`, which `apply` returned.
  WeightForm weight_form(at::Device device) const;
};

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

/// "10,11" as layers. Throws InputError, naming `flag`, for anything else.
std::vector<int64_t> parse_layers(const std::string& flag, const std::string& text);

/// Throws InputError, naming `flag`, for a language's name that no file's name and no JSON can
/// hold.
void check_language(const std::string& flag, const std::string& language);

/// Throws InputError where `output`, a file to write, is one of these inputs or is read of one that
/// is a directory (its config.json, ...): what was read would be gone. An input may be NAME=PATH.
void check_output_is_no_input(const std::string& output, const std::vector<std::string>& inputs);

/// `LANGUAGE=VALUE` flags, such as `--language sw=adapters/sw`, in the order given.
std::vector<std::pair<std::string, std::string>> parse_pairs(
    const std::string& flag, const std::vector<std::string>& values);

/// Parses the command line. Usage errors become InputError; --help and --version print and exit
/// with status 0.
void parse_command_line(CLI::App& app, int argc, char** argv);

/// The most memory that this process has held.
int64_t peak_memory_bytes();
/// "12.3 GB": the most memory that this process has held.
std::string peak_memory();

/// The words of the command line, quoted where a shell needs it.
std::string command_line(int argc, char** argv);

}  // namespace madx::apps

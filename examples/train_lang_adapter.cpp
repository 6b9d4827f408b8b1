// Trains the adapter of one language from raw text by masked language modelling (MAD-X
// section 4.1): a bottleneck in every layer and an invertible adapter on the embeddings, with the
// encoder frozen.
//
//   build/bin/train_lang_adapter --encoder xlmr.pt --text sw.txt --output adapters/sw --steps 10000
//
// Text: UTF-8, a sentence or paragraph a line. Writes an AdapterHub directory (Python:
// model.load_adapter("adapters/sw")), metrics.jsonl and loss.svg. With --eval-text
// the adapter of the best held-out loss is the one that is written.
#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/mlm_flags.h"
#include "apps/command_line/mlm_run.h"
#include "apps/command_line/training_notes.h"
#include "apps/ranks/run_on_ranks.h"
#include "apps/run/average_with_init.h"
#include "apps/run/interrupt.h"
#include "apps/run/training_run.h"
#include "madx/io/new_directory.h"
#include "madx/madx.h"

namespace {

struct Flags {
  madx::apps::EncoderFlags encoder;
  std::string output, name, eval_text, lm_head, init_adapter, stay_near_adapter;
  std::vector<std::string> text;
  bool no_invertible = false, train_lm_head = false;
  double inv_reduction_factor = 2, init_weight = 0;
  int64_t snapshot_every = 0;
  madx::apps::MlmFlags mlm;
  madx::apps::StayNearFlags stay_near;
  madx::apps::AdapterFlags adapter;
  madx::apps::TrainingFlags training;
  madx::apps::DeviceFlags device;
};

Flags parse(int argc, char** argv) {
  CLI::App app(
      "Trains the adapter and invertible adapter of a language from raw text by masked LM");
  Flags flags;
  flags.encoder.add_to(app);
  app.add_option("--text", flags.text, "Raw text, one sentence or paragraph per line")->required();
  app.add_option("--output", flags.output, "Directory to write")->required();
  app.add_option("--name", flags.name,
                 "Name of the adapter (default: that of the output directory)");
  app.add_option("--eval-text", flags.eval_text,
                 "Held-out text: the adapter that is best on it is kept; without --eval-every, "
                 "only the last one is measured");
  flags.adapter.add_to(app, /*default_reduction_factor=*/2);
  app.add_option("--inv-reduction-factor", flags.inv_reduction_factor,
                 "Reduction factor of the invertible adapter")
      ->capture_default_str();
  app.add_flag("--no-invertible", flags.no_invertible, "Train without an invertible adapter");
  app.add_option("--init-adapter", flags.init_adapter,
                 "Adapter to start from, e.g. the source language's; its configuration is used");
  app.add_option("--init-weight", flags.init_weight,
                 "Write the average of the trained adapter and --init-adapter, which has this "
                 "weight, e.g. 0.5; 0: no average")
      ->capture_default_str();
  flags.stay_near.add_to(app, "the encoder alone, or with --stay-near-adapter");
  app.add_option("--stay-near-adapter", flags.stay_near_adapter,
                 "Adapter from whose hidden states --stay-near measures the distance, e.g. the "
                 "source language's");
  app.add_option(
         "--snapshot-every", flags.snapshot_every,
         "Also write the adapter every N steps, to snapshots/STEP in the output directory; 0: off")
      ->capture_default_str();
  app.add_option("--lm-head", flags.lm_head,
                 "Masked-LM head (default: lm_head/ in --init-adapter if present, else the "
                 "encoder's; train_lm_head makes one)");
  app.add_flag("--train-lm-head", flags.train_lm_head,
               "Also train the masked-LM head, and write it to lm_head/ in the output directory");
  flags.mlm.add_to(app);
  flags.training.add_to(app);
  flags.device.add_to(app);
  madx::apps::parse_command_line(app, argc, argv);
  flags.training.check();
  flags.stay_near.check(app);
  if (flags.snapshot_every < 0) {
    madx::input_error("--snapshot-every: expected a number of steps, or 0 for none, but found ",
                      flags.snapshot_every);
  }
  if (!(flags.init_weight >= 0 && flags.init_weight < 1)) {
    madx::input_error("--init-weight: expected a number of at least 0 and below 1, but found ",
                      flags.init_weight);
  }
  if (app.count("--init-weight") > 0 && flags.init_adapter.empty()) {
    madx::input_error("--init-weight: expected --init-adapter beside it, the adapter to average");
  }
  for (const std::string flag : {"--config", "--reduction-factor", "--leave-out",
                                 "--inv-reduction-factor", "--no-invertible"}) {
    if (!flags.init_adapter.empty() && app.count(flag) > 0) {
      madx::input_error(flag,
                        ": expected it without --init-adapter, whose configuration is the "
                        "adapter's; leave one out");
    }
  }
  return flags;
}

madx::BottleneckConfig choose_config(const Flags& flags) {
  auto config = flags.adapter.bottleneck_config();
  if (!flags.no_invertible) {
    if (!(flags.inv_reduction_factor > 0 && std::isfinite(flags.inv_reduction_factor))) {
      madx::input_error("--inv-reduction-factor: expected a number above 0, but found ",
                        flags.inv_reduction_factor);
    }
    config.inv_adapter = "nice";
    config.inv_adapter_reduction_factor = flags.inv_reduction_factor;
  }
  return config;
}

/// Adds the adapter that learns, a fresh one or that of --init-adapter; returns its configuration.
madx::BottleneckConfig add_adapter(const Flags& flags, const std::string& name,
                                   const madx::EncoderConfig& encoder,
                                   madx::AdapterStack& adapters) {
  if (!flags.init_adapter.empty()) {
    madx::io::load_adapter(adapters, flags.init_adapter, name);
    adapters->train_adapter(name);
    return adapters->get(name)->options.config();
  }
  const auto config = choose_config(flags);
  madx::apps::check_layers("--leave-out", config.leave_out, encoder);
  adapters->add(name, config);
  return config;
}

/// Adds the adapter of --stay-near-adapter; returns its name in the bank, nothing where there is
/// none.
madx::Composition add_near(const Flags& flags, const std::string& name,
                           madx::AdapterStack& adapters) {
  if (flags.stay_near_adapter.empty()) return {};
  const auto near = name + "_near";
  madx::io::load_adapter(adapters, flags.stay_near_adapter, near);
  return {near};
}

/// All that decides what is learned.
madx::apps::Recipe describe(const Flags& flags, const std::string& name, const std::string& lm_head,
                            const madx::BottleneckConfig& config,
                            const madx::TrainerOptions& options) {
  madx::apps::Recipe recipe;
  recipe.add_input("--encoder", flags.encoder.path);
  for (const auto& text : flags.text) recipe.add_input("--text", text);
  if (!flags.eval_text.empty()) recipe.add_input("--eval-text", flags.eval_text);
  if (!lm_head.empty()) recipe.add_input("--lm-head", lm_head);
  if (!flags.init_adapter.empty()) recipe.add_input("--init-adapter", flags.init_adapter);
  if (!flags.stay_near_adapter.empty())
    recipe.add_input("--stay-near-adapter", flags.stay_near_adapter);
  recipe.settings["--name"] = name;
  if (flags.init_weight > 0) recipe.settings["--init-weight"] = madx::exact_text(flags.init_weight);
  recipe.settings["--train-lm-head"] = flags.train_lm_head ? "given" : "not given";
  flags.stay_near.describe(recipe);
  flags.training.describe(options, recipe);
  flags.mlm.describe(recipe);
  flags.adapter.describe(config, recipe);
  flags.device.describe(recipe);
  return recipe;
}

/// The tensors that learn, by name: the adapter's and, with --train-lm-head, the head's, which
/// takes no gradient otherwise.
std::vector<std::pair<std::string, at::Tensor>> choose_trained(const Flags& flags,
                                                               const madx::AdapterSet& adapter,
                                                               madx::MlmHead& head) {
  auto trained = adapter->named_tensors();
  if (trained.empty()) {
    madx::input_error(
        "--leave-out: expected a layer to train an adapter in, but found none beside "
        "--no-invertible; leave out fewer layers");
  }
  if (!flags.train_lm_head) {
    for (auto& weight : head->parameters()) weight.requires_grad_(false);
    return trained;
  }
  for (const auto& item : head->named_parameters())
    trained.emplace_back("lm_head." + item.key(), item.value());
  return trained;
}

/// What was learned, as files.
struct Learned {
  const madx::AdapterStack& adapters;
  const std::string& name;    // of the adapter
  const madx::MlmHead* head;  // nullptr: not trained along
  madx::io::ModelInfo model;
  const madx::apps::AverageWithInit& average;

  void save(const std::string& directory) const {
    if (head != nullptr) {
      madx::io::NewDirectory beside(directory + "/lm_head", madx::io::ExistingDirectory::kReplace);
      madx::io::save_mlm_head(*head, name, model, beside.path());
      beside.commit();
    }
    average.during([&] { madx::io::save_adapter(adapters, name, model, directory); });
  }

  /// To snapshots/STEP of the output.
  void save_snapshot(const std::string& output, int64_t step) const {
    const auto all = output + "/snapshots";
    std::filesystem::create_directories(all);
    madx::io::NewDirectory directory(all + "/" + std::to_string(step),
                                     madx::io::ExistingDirectory::kReplace);
    save(directory.path());
    directory.commit();
  }
};

void run(int argc, char** argv, madx::RankGroup& ranks) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply(ranks);
  madx::apps::RunDirectory output(flags.output, flags.training.resume, ranks);
  const auto name = madx::apps::name_of_output(flags.name, output.name());
  auto loaded = flags.encoder.load(flags.device.weight_form(device));
  const auto& config = loaded.encoder->config();
  madx::apps::check_max_length(flags.training.max_length, config);
  torch::manual_seed(flags.training.seed);
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  const auto adapter_config = add_adapter(flags, name, config, adapters);
  const auto near = add_near(flags, name, adapters);
  flags.adapter.check_adapter_drop(config, adapter_config);
  const auto lm_head = madx::apps::head_beside(flags.lm_head, flags.init_adapter);
  auto head = madx::apps::choose_mlm_head(lm_head, flags.encoder.path, loaded);
  madx::apps::print_encoder(loaded);

  const auto mlm = flags.mlm.batches_options(flags.training, madx::Mixing::kByLines);
  std::vector<std::string> eval_text;
  if (!flags.eval_text.empty()) eval_text.push_back(flags.eval_text);
  madx::apps::MlmTexts texts(flags.mlm, mlm, loaded.tokenizer, flags.text, eval_text);

  const auto& adapter = adapters->get(name);
  const auto trained = choose_trained(flags, adapter, head);
  adapters->activate({name});
  flags.training.apply_to(loaded.encoder);
  loaded.encoder->to(device);
  adapters->to(device);
  head->to(device);
  const madx::apps::AverageWithInit average(adapter->named_tensors(), flags.init_weight);

  const auto options = flags.training.trainer_options(texts.batches().epoch_size());
  const auto recipe = describe(flags, name, lm_head, adapter_config, options);
  const madx::apps::InterruptGuard guard;
  if (output.begin({"train_lang_adapter", {}, recipe, {}, {}}) ==
      madx::apps::RunDirectory::Start::kComplete) {
    return madx::apps::print_complete(flags.output);
  }
  madx::apps::say_idle_flags(flags.training, options, flags.eval_text.empty() ? "--eval-text" : "",
                             flags.snapshot_every);
  madx::apps::say_other_types({flags.init_adapter, flags.stay_near_adapter}, config);
  const auto vocabulary = texts.vocabulary(loaded.encoder);
  madx::apps::say_softmax(vocabulary);
  madx::MlmTask task(loaded.encoder, adapters, head, texts.batches(), texts.held_out(), trained,
                     vocabulary);
  task.use_adapter_drop(flags.adapter.adapter_drop, flags.training.seed);
  task.stay_near({flags.stay_near.weight, near, flags.stay_near.every_layer()});
  const Learned learned{adapters, name, flags.train_lm_head ? &head : nullptr,
                        madx::io::model_info(config), average};
  const auto result = madx::apps::run_training(
      task, options,
      {"train " + name, flags.training.save_minutes, recipe, flags.mlm.labels(),
       flags.snapshot_every, [&](int64_t step) { learned.save_snapshot(output.path(), step); }},
      output, guard, ranks);
  if (!ranks.is_first()) return;

  std::string of_average;
  if (flags.init_weight > 0 && result.best_figures) {
    task.train(false);
    average.during([&] {
      of_average = ", " + madx::fixed_text(task.held_out_loss()->mean, 6) +
                   " for the weighted average that was written";
    });
  }
  madx::apps::finish_mlm_run(
      flags.output, output, options, result, vocabulary, [&] { learned.save(output.path()); },
      of_average);
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program_on_ranks("train_lang_adapter",
                                          [&](madx::RankGroup& ranks) { run(argc, argv, ranks); });
}

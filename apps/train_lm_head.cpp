// Trains a masked-LM head on a frozen encoder: dense, LayerNorm and output bias; the output
// embedding is the encoder's input embedding. Of several languages for an encoder that lost its
// own head, or of one language before its adapter is trained (docs/results.md, "The head first").
//
//   build/bin/train_lm_head --encoder xlmr.pt --text en.txt sw.txt rw.txt --output models/lm_head
//   build/bin/train_lm_head --encoder xlmr --text yo.txt --steps 150 --lr 3e-3 --output heads/yo
//
// Writes an AdapterHub head directory, which train_lang_adapter takes with --lm-head.
#include <CLI/CLI.hpp>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/mlm_flags.h"
#include "apps/command_line/mlm_run.h"
#include "apps/command_line/program.h"
#include "apps/command_line/training_notes.h"
#include "apps/run/interrupt.h"
#include "apps/run/training_run.h"
#include "madx/madx.h"

namespace {

struct Flags {
  madx::apps::EncoderFlags encoder;
  std::string output, name, lm_head;
  std::vector<std::string> text, eval_text;
  madx::apps::MlmFlags mlm;
  madx::apps::TrainingFlags training;
  madx::apps::DeviceFlags device;
};

Flags parse(int argc, char** argv) {
  CLI::App app("Trains a masked-LM head on a frozen encoder");
  Flags flags;
  flags.training.lr = 1e-3;
  flags.training.default_epochs = 1;
  flags.encoder.add_to(app);
  app.add_option(
         "--text", flags.text,
         "Raw text, one sentence or paragraph per line; several files are mixed in equal shares")
      ->required();
  app.add_option("--output", flags.output, "Directory to write")->required();
  app.add_option("--name", flags.name, "Name of the head (default: that of the output directory)");
  app.add_option("--eval-text", flags.eval_text,
                 "Held-out text: the head that is best on it is kept; without --eval-every, only "
                 "the last one is measured");
  app.add_option("--lm-head", flags.lm_head,
                 "Head to start from (default: the encoder's own, or a new one if it has none)");
  flags.mlm.add_to(app);
  flags.training.add_to(app);
  flags.device.add_to(app);
  madx::apps::parse_command_line(app, argc, argv);
  flags.training.check();
  return flags;
}

/// All that decides what is learned.
madx::apps::Recipe describe(const Flags& flags, const std::string& name,
                            const madx::TrainerOptions& options) {
  madx::apps::Recipe recipe;
  recipe.add_input("--encoder", flags.encoder.path);
  for (const auto& text : flags.text) recipe.add_input("--text", text);
  for (const auto& text : flags.eval_text) recipe.add_input("--eval-text", text);
  if (!flags.lm_head.empty()) recipe.add_input("--lm-head", flags.lm_head);
  recipe.settings["--name"] = name;
  flags.training.describe(options, recipe);
  flags.mlm.describe(recipe);
  flags.device.describe(recipe);
  return recipe;
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply();
  madx::apps::RunDirectory output(flags.output, flags.training.resume);
  const auto name = madx::apps::name_of_output(flags.name, output.name());
  auto loaded = flags.encoder.load(flags.device.weight_form(device));
  const auto& config = loaded.encoder->config();
  madx::apps::check_max_length(flags.training.max_length, config);

  const auto mlm = flags.mlm.batches_options(flags.training, madx::Mixing::kEqualShares);
  madx::apps::MlmTexts texts(flags.mlm, mlm, loaded.tokenizer, flags.text, flags.eval_text);
  torch::manual_seed(flags.training.seed);  // of a fresh head's weights
  auto head = !flags.lm_head.empty() ? madx::io::load_mlm_head(flags.lm_head, config)
              : !loaded.head.is_empty()
                  ? loaded.head
                  : madx::MlmHead(madx::MlmHeadOptions(config.hidden_size, config.vocab_size)
                                      .layer_norm_eps(config.layer_norm_eps));
  flags.training.apply_to(loaded.encoder);
  loaded.encoder->to(device);
  head->to(device);
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  std::vector<std::pair<std::string, at::Tensor>> trained;
  for (const auto& item : head->named_parameters()) trained.emplace_back(item.key(), item.value());

  const auto options = flags.training.trainer_options(texts.batches().epoch_size());
  const auto recipe = describe(flags, name, options);
  const madx::apps::InterruptGuard guard;
  if (output.begin({"train_lm_head", {}, recipe, {}, {}}) ==
      madx::apps::RunDirectory::Start::kComplete) {
    return madx::apps::print_complete(flags.output);
  }
  madx::apps::say_idle_flags(flags.training, options, flags.eval_text.empty() ? "--eval-text" : "");
  const auto vocabulary = texts.vocabulary(loaded.encoder);
  madx::apps::say_softmax(vocabulary);
  madx::MlmTask task(loaded.encoder, adapters, head, texts.batches(), texts.held_out(), trained,
                     vocabulary);
  const auto result = madx::apps::run_training(
      task, options, {"lm head", flags.training.save_minutes, recipe, flags.mlm.labels()}, output,
      guard);
  madx::apps::finish_mlm_run(flags.output, output, options, result, vocabulary, [&] {
    madx::io::save_mlm_head(head, name, madx::io::model_info(config), output.path());
  });
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("train_lm_head", [&] { run(argc, argv); });
}

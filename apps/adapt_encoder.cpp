// Goes on with an encoder's pretraining on raw text: masked language modelling with all of its
// weights learning, and the masked-LM head with them. What adapters are compared with, and what
// they can be trained over.
//
//   build/bin/adapt_encoder --encoder xlmr --text sw.txt --output encoders/sw --steps 10000
//
// Text: UTF-8, a sentence or paragraph a line; several files in equal shares. Writes a Hugging Face
// directory (config.json, model.safetensors with the head, tokenizer), which every program takes as
// --encoder and Python by AutoModelForMaskedLM.from_pretrained("encoders/sw"), beside it
// metrics.jsonl and loss.svg. With --eval-text the weights of the best held-out loss are written.
#include <CLI/CLI.hpp>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/mlm_flags.h"
#include "apps/command_line/mlm_run.h"
#include "apps/command_line/training_notes.h"
#include "apps/ranks/run_on_ranks.h"
#include "apps/run/interrupt.h"
#include "apps/run/training_run.h"
#include "madx/madx.h"

namespace {

struct Flags {
  madx::apps::EncoderFlags encoder;
  std::string output, lm_head;
  std::vector<std::string> text, eval_text;
  madx::FrozenParts frozen;
  madx::apps::MlmFlags mlm;
  madx::apps::StayNearFlags stay_near;
  madx::apps::TrainingFlags training;
  madx::apps::DeviceFlags device;
};

Flags parse(int argc, char** argv) {
  CLI::App app(
      "Continues an encoder's pretraining on raw text: masked LM with all weights learning");
  Flags flags;
  flags.training.lr = 5e-5;
  flags.encoder.add_to(app);
  app.add_option(
         "--text", flags.text,
         "Raw text, one sentence or paragraph per line; several files are mixed in equal shares")
      ->required();
  app.add_option("--output", flags.output, "Directory to write")->required();
  app.add_option("--eval-text", flags.eval_text,
                 "Held-out text: the weights that are best on it are kept; without --eval-every, "
                 "only the last ones are measured");
  app.add_option("--lm-head", flags.lm_head,
                 "Masked-LM head to start from (default: the encoder's; train_lm_head makes one)");
  app.add_flag("--freeze-embeddings", flags.frozen.embeddings,
               "Leave word, position and type embeddings, their LayerNorm and the output embedding "
               "unchanged");
  app.add_option("--freeze-layers", flags.frozen.lowest_layers,
                 "Number of lowest layers to leave unchanged")
      ->capture_default_str();
  flags.stay_near.add_to(app, "the original encoder");
  flags.mlm.add_to(app);
  flags.training.add_to(app);
  flags.device.add_place_to(app);
  app.add_option("--dtype", flags.device.dtype,
                 "Type of the encoder's products: float32, or bfloat16 (on GPUs, and CPUs with AMX "
                 "or AVX512-BF16); the weights stay float32")
      ->capture_default_str();
  madx::apps::parse_command_line(app, argc, argv);
  flags.training.check();
  flags.stay_near.check(app);
  if (flags.device.dtype == "int8") {
    madx::input_error(
        "--dtype: expected float32 or bfloat16, in whose products the encoder's weights learn, but "
        "found int8");
  }
  return flags;
}

void check_frozen(const madx::FrozenParts& frozen, const madx::EncoderConfig& config) {
  if (frozen.lowest_layers >= 0 && frozen.lowest_layers <= config.num_hidden_layers) return;
  madx::input_error("--freeze-layers: expected 0 to ", config.num_hidden_layers,
                    ", the encoder's layers, but found ", frozen.lowest_layers);
}

/// All that decides what is learned.
madx::apps::Recipe describe(const Flags& flags, const madx::TrainerOptions& options) {
  madx::apps::Recipe recipe;
  recipe.add_input("--encoder", flags.encoder.path);
  for (const auto& text : flags.text) recipe.add_input("--text", text);
  for (const auto& text : flags.eval_text) recipe.add_input("--eval-text", text);
  if (!flags.lm_head.empty()) recipe.add_input("--lm-head", flags.lm_head);
  recipe.settings["--freeze-embeddings"] = flags.frozen.embeddings ? "given" : "not given";
  recipe.settings["--freeze-layers"] = madx::exact_text(flags.frozen.lowest_layers);
  flags.stay_near.describe(recipe);
  flags.training.describe(options, recipe);
  flags.mlm.describe(recipe);
  flags.device.describe(recipe);
  return recipe;
}

/// What learns, of the encoder and of the head; the encoder is on its device already.
std::vector<std::pair<std::string, at::Tensor>> unfreeze(madx::Encoder& encoder,
                                                         const madx::MlmHead& head,
                                                         const madx::FrozenParts& frozen) {
  madx::unfreeze(encoder, frozen);
  std::vector<std::pair<std::string, at::Tensor>> trained;
  for (const auto& [name, weight] : madx::learning_weights(encoder))
    trained.emplace_back("encoder." + name, weight);
  for (const auto& item : head->named_parameters())
    trained.emplace_back("lm_head." + item.key(), item.value());
  return trained;
}

void run(int argc, char** argv, madx::RankGroup& ranks) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply(ranks);
  madx::apps::RunDirectory output(flags.output, flags.training.resume, ranks);
  auto loaded = flags.encoder.load();
  const auto& config = loaded.encoder->config();
  madx::apps::check_max_length(flags.training.max_length, config);
  check_frozen(flags.frozen, config);
  auto head = madx::apps::choose_mlm_head(flags.lm_head, flags.encoder.path, loaded);
  madx::apps::print_encoder(loaded);

  const auto mlm = flags.mlm.batches_options(flags.training, madx::Mixing::kEqualShares);
  madx::apps::MlmTexts texts(flags.mlm, mlm, loaded.tokenizer, flags.text, flags.eval_text);
  flags.training.apply_to(loaded.encoder);
  loaded.encoder->to(device);
  loaded.encoder->use_bfloat16_products(flags.device.dtype == "bfloat16");
  head->to(device);
  const auto trained = unfreeze(loaded.encoder, head, flags.frozen);
  const madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);  // none

  const auto options = flags.training.trainer_options(texts.batches().epoch_size());
  const auto recipe = describe(flags, options);
  const madx::apps::InterruptGuard guard;
  if (output.begin({"adapt_encoder", {}, recipe, {}, {}}) ==
      madx::apps::RunDirectory::Start::kComplete) {
    return madx::apps::print_complete(flags.output);
  }
  madx::apps::say_idle_flags(flags.training, options, flags.eval_text.empty() ? "--eval-text" : "");
  const auto vocabulary = texts.vocabulary(loaded.encoder);
  madx::apps::say_softmax(vocabulary);
  madx::MlmTask task(loaded.encoder, adapters, head, texts.batches(), texts.held_out(), trained,
                     vocabulary);
  if (flags.stay_near.weight > 0) {
    auto as_it_was = flags.encoder.load().encoder;
    as_it_was->to(device);
    as_it_was->use_bfloat16_products(flags.device.dtype == "bfloat16");
    task.stay_near({flags.stay_near.weight, {}, flags.stay_near.every_layer(), as_it_was});
  }
  const auto result = madx::apps::run_training(
      task, options,
      {"adapt " + output.name(), flags.training.save_minutes, recipe, flags.mlm.labels()}, output,
      guard, ranks);
  if (!ranks.is_first()) return;
  madx::apps::finish_mlm_run(flags.output, output, options, result, vocabulary, [&] {
    madx::io::save_encoder(loaded.encoder, head, *loaded.origin, output.path());
  });
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program_on_ranks("adapt_encoder",
                                          [&](madx::RankGroup& ranks) { run(argc, argv, ranks); });
}

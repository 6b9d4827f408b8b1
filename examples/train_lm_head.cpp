// Trains a masked-LM head on a frozen encoder that lost its own (dense, LayerNorm and output bias;
// the output embedding is the encoder's input embedding), on text of all the languages that
// adapters are to be trained for. Once, and shared by all: language adapters trained against
// different heads do not share a space.
//
//   build/bin/train_lm_head --encoder xlmr.pt --text en.txt sw.txt rw.txt --output models/lm_head
//   --steps 2000
//
// Writes an AdapterHub head directory, which train_lang_adapter takes with --lm-head.
#include <CLI/CLI.hpp>
#include <iostream>

#include "madx/madx.h"
#include "madx/programs/flags.h"
#include "madx/programs/program.h"

namespace {

struct Flags {
  std::string encoder, output, lm_head;
  std::vector<std::string> text, eval_text;
  double mlm_probability = 0.15;
  bool full_length = false;
  madx::TrainingFlags training;
  madx::DeviceFlags device;
};

Flags parse(int argc, char** argv) {
  CLI::App app("Trains a masked-LM head on a frozen encoder");
  Flags flags;
  flags.training.lr = 1e-3;
  app.add_option("--encoder", flags.encoder, "Encoder: a directory or .pt file")->required();
  app.add_option("--text", flags.text,
                 "Raw text, a sentence or paragraph a line; files mixed in equal shares")
      ->required();
  app.add_option("--output", flags.output, "Directory to write")->required();
  app.add_option("--eval-text", flags.eval_text, "Held-out text");
  app.add_option("--lm-head", flags.lm_head, "Head to start from");
  app.add_option("--mlm-probability", flags.mlm_probability, "Share of tokens to predict")
      ->capture_default_str();
  app.add_flag("--full-length", flags.full_length,
               "Join lines to sequences of --max-length, </s> between them: all of one length");
  flags.training.add_to(app);
  flags.device.add_to(app);
  madx::parse_command_line(app, argc, argv);
  flags.training.check();
  return flags;
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply();
  auto loaded = madx::io::load_encoder(flags.encoder, flags.device.weight_form(device));
  const auto& config = loaded.encoder->config();
  madx::check_max_length(flags.training.max_length, config);

  const auto options = madx::mlm_options(flags.training, flags.mlm_probability,
                                         madx::Mixing::kEqualShares, flags.full_length);
  madx::MlmBatches batches(madx::TextCorpus(flags.text), loaded.tokenizer, options);
  std::unique_ptr<madx::MlmBatches> held_out;
  if (!flags.eval_text.empty()) {
    held_out = std::make_unique<madx::MlmBatches>(madx::TextCorpus(flags.eval_text),
                                                  loaded.tokenizer, options);
  }
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

  madx::RunDirectory output(flags.output, flags.training.resume);
  madx::io::check_name(output.name());  // the head is named after it
  auto trainer = flags.training.trainer_options("lm head", output.path(), batches.epoch_size(),
                                                /*default_epochs=*/1);
  trainer.settings["--dtype"] = flags.device.dtype;
  trainer.settings["--full-length"] = flags.full_length ? "given" : "not given";
  madx::MlmTask task(loaded.encoder, adapters, head, batches, held_out.get(), trained);
  const auto result = madx::train(task, trainer);
  madx::io::save_mlm_head(head, output.name(), madx::io::model_info(config), output.path());
  output.finish();
  std::cout << "wrote " << flags.output << ": " << result.steps << " steps in " << result.seconds
            << " s, loss " << result.loss << ", peak memory " << madx::peak_memory() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::run_program("train_lm_head", [&] { run(argc, argv); });
}

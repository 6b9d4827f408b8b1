// The loss of masked LM on held-out text, under a language adapter or the encoder alone: for
// adapters that were trained otherwise, on other text, in bfloat16, or by a softmax over their
// text's sub-words, with --vocabulary text.
//
//   build/bin/mlm_loss --encoder xlmr.pt --adapter adapters/sw --text sw.dev.txt
//
// The masks are those of --eval-text in train_lang_adapter and train_lm_head, for the same
// --batch-size, --max-length, --mlm-probability and --full-length; they depend on no seed. So an
// adapter has here the best held-out loss of its training.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/mlm_flags.h"
#include "apps/command_line/program.h"
#include "madx/madx.h"

namespace {

struct Flags {
  madx::apps::EncoderFlags encoder;
  std::string adapter, lm_head, save_batches;
  std::vector<std::string> text, train_text;
  bool json = false;
  madx::apps::MlmFlags mlm;
  madx::apps::TrainingFlags training;  // of which the batches' sizes alone are flags here
  madx::apps::DeviceFlags device;
};

Flags parse(int argc, char** argv) {
  CLI::App app(
      "Measures the masked-LM loss of a language adapter, or of the encoder alone, on held-out "
      "text");
  Flags flags;
  flags.encoder.add_to(app);
  app.add_option("--text", flags.text, "Held-out text, one sentence or paragraph per line")
      ->required();
  app.add_option("--adapter", flags.adapter,
                 "AdapterHub directory of a language adapter (default: none, the encoder alone)");
  app.add_option("--lm-head", flags.lm_head,
                 "Masked-LM head (default: lm_head/ in --adapter if present, else the encoder's)");
  app.add_option("--batch-size", flags.training.batch_size, "Sequences per batch")
      ->capture_default_str();
  app.add_option("--max-length", flags.training.max_length,
                 "Maximum tokens per sequence, special ones included")
      ->capture_default_str();
  flags.mlm.add_to(app);
  app.add_option(
      "--train-text", flags.train_text,
      "With --vocabulary text: the training text, whose sub-words are added to the softmax");
  app.add_flag("--json", flags.json, "Print one line of JSON and nothing else");
  app.add_option("--save-batches", flags.save_batches,
                 "Write the measured batches, with their masks, to this .safetensors file, for "
                 "another program to measure");
  flags.device.add_to(app);
  madx::apps::parse_command_line(app, argc, argv);
  flags.training.check();
  auto inputs = flags.text;
  inputs.insert(inputs.end(), flags.train_text.begin(), flags.train_text.end());
  inputs.insert(inputs.end(), {flags.encoder.path, flags.adapter, flags.lm_head});
  madx::apps::check_output_is_no_input(flags.save_batches, inputs);
  if (!flags.train_text.empty() && !flags.mlm.over_text()) {
    madx::input_error(
        "--train-text: expected --vocabulary text beside it, but found --vocabulary full, for "
        "which no text says what the softmax is over; leave one out");
  }
  return flags;
}

/// Of batch i: input_ids.i (tokens), of sequences end to end, offsets.i (sequences + 1), where each
/// begins, places.i (masked), the tokens that were masked, and targets.i (masked), what stood
/// there.
void write_batches(const madx::MlmBatches& held_out, const std::string& path) {
  madx::TensorMap tensors;
  for (int64_t index = 0; index < held_out.eval_size(); ++index) {
    const auto batch = held_out.eval(index);
    const auto number = "." + std::to_string(index);
    tensors.insert("input_ids" + number, batch.batch.input_ids);
    tensors.insert("offsets" + number, at::tensor(batch.batch.offsets, at::kLong));
    tensors.insert("places" + number, batch.batch.read_rows);
    tensors.insert("targets" + number, batch.targets);
  }
  madx::io::write_safetensors(path, tensors);
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply();
  auto loaded = flags.encoder.load(flags.device.weight_form(device));
  const auto& config = loaded.encoder->config();
  madx::apps::check_max_length(flags.training.max_length, config);
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  if (!flags.adapter.empty())
    adapters->activate({madx::io::load_adapter(adapters, flags.adapter, "adapter")});
  const auto lm_head = madx::apps::head_beside(flags.lm_head, flags.adapter);
  auto head = madx::apps::choose_mlm_head(lm_head, flags.encoder.path, loaded);
  if (!flags.json) {
    madx::apps::print_encoder(loaded);
    std::cout << "adapter: " << (flags.adapter.empty() ? "none" : flags.adapter)
              << "; head: " << (lm_head.empty() ? "the encoder's" : lm_head) << std::endl;
  }
  const auto mlm = flags.mlm.batches_options(flags.training, madx::Mixing::kByLines);
  madx::apps::MlmTexts texts(flags.mlm, mlm, loaded.tokenizer, flags.text);
  texts.add_sub_words(flags.train_text, *loaded.tokenizer);
  loaded.encoder->to(device);
  adapters->to(device);
  head->to(device);
  const auto vocabulary = texts.vocabulary(loaded.encoder);
  madx::apps::say_other_types({flags.adapter}, config);
  if (!flags.json) madx::apps::say_softmax(vocabulary);

  auto& held_out = texts.batches();
  madx::MlmTask task(loaded.encoder, adapters, head, held_out, &held_out, /*trained=*/{},
                     vocabulary);
  task.train(false);
  const torch::NoGradGuard no_grad;
  const auto loss = task.held_out_loss();
  if (!loss) {
    madx::input_error(
        "--text: expected text of which a token is masked, but of so few tokens none was; give "
        "more text, or raise --mlm-probability, now ",
        flags.mlm.mlm_probability);
  }
  if (!std::isfinite(loss->mean)) {
    madx::input_error(flags.encoder.path, ": expected a finite loss, but found ",
                      std::isnan(loss->mean) ? "NaN" : "an infinite one",
                      "; weights of the encoder, the head or the adapter are not finite, or far "
                      "too large: make them anew");
  }
  if (!flags.save_batches.empty()) write_batches(held_out, flags.save_batches);
  if (flags.json) {
    const nlohmann::ordered_json line{
        {"eval_loss", loss->mean},        {"perplexity", std::exp(loss->mean)},
        {"masked_tokens", loss->masked},  {"vocabulary", flags.mlm.vocabulary},
        {"sub_words", vocabulary.size()}, {"dtype", flags.device.dtype}};
    std::cout << line.dump() << "\n";
    return;
  }
  std::cout << "held-out loss " << madx::fixed_text(loss->mean, 6) << ", perplexity "
            << madx::fixed_text(std::exp(loss->mean), 6) << ", "
            << madx::counted(loss->masked, "masked token") << ", "
            << madx::apps::describe_softmax(vocabulary) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("mlm_loss", [&] { run(argc, argv); });
}

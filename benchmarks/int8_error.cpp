// What int8 costs in precision: hidden states of an encoder over int8 and bfloat16 beside float32,
// layer by layer, on real text.
//
//   build/bin/int8_error --encoder .deps/demo_encoder --text examples/data/text/sw.dev.txt
//
// Prints a Markdown table of |ours - float32| / |float32| over all rows; with --dtype of one type.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/program.h"
#include "madx/madx.h"

namespace {

struct Flags {
  madx::apps::EncoderFlags encoder;
  std::string dtype;  ///< empty: all that there are
  std::vector<std::string> text;
  int64_t lines = 64, max_length = 128;
  madx::apps::DeviceFlags device = {/*threads=*/0, "cpu"};
};

Flags parse(int argc, char** argv) {
  CLI::App app("The error of hidden states by layer, in narrower types than float32");
  Flags flags;
  flags.encoder.add_to(app);
  app.add_option("--text", flags.text, "UTF-8 text, one sentence per line")->required();
  app.add_option("--lines", flags.lines, "Lines to use of each file")
      ->check(madx::apps::from_to(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--max-length", flags.max_length, "Maximum tokens per line")
      ->check(madx::apps::from_to(3, 512))
      ->capture_default_str();
  flags.device.add_threads_to(app);
  app.add_option("--device", flags.device.device, "cpu: the device whose products are compared")
      ->capture_default_str();
  app.add_option("--dtype", flags.dtype,
                 "int8 or bfloat16, to compare with float32 (default: both, if the processor "
                 "multiplies them)");
  madx::apps::parse_command_line(app, argc, argv);
  if (flags.device.device == "auto") flags.device.device = "cpu";
  if (flags.device.device != "cpu") {
    madx::input_error("--device: expected cpu, whose products are compared, but found ",
                      flags.device.device);
  }
  if (!flags.dtype.empty() && flags.dtype != "int8" && flags.dtype != "bfloat16") {
    madx::input_error("--dtype: expected int8 or bfloat16, to compare with float32, but found ",
                      flags.dtype);
  }
  return flags;
}

madx::PackedBatch read_batch(const Flags& flags, const madx::Tokenizer& tokenizer) {
  std::vector<std::vector<int64_t>> sequences;
  for (const auto& path : flags.text) {
    const madx::TextCorpus corpus({path});
    for (size_t line = 0; line < std::min<size_t>(flags.lines, corpus.size()); ++line) {
      sequences.push_back(tokenizer.encode_sequence(corpus.line(line), flags.max_length));
    }
  }
  return madx::pack(sequences);
}

/// The types that are compared with float32.
std::vector<std::pair<std::string, madx::WeightForm>> chosen_forms(const std::string& dtype) {
  std::vector<std::pair<std::string, madx::WeightForm>> forms;
  const auto add = [&](const std::string& name, madx::WeightForm form, bool multiplied) {
    if (multiplied && (dtype.empty() || dtype == name)) forms.emplace_back(name, form);
  };
  add("bfloat16", madx::WeightForm::kPackedBfloat16, madx::cpu::has_bfloat16_products());
  add("int8", madx::WeightForm::kInt8, madx::cpu::has_int8_products());
  if (forms.empty()) {
    madx::input_error("--dtype: expected a type that this processor multiplies (bfloat16: AMX or ",
                      "AVX512-BF16; int8: AVX2), but found ",
                      dtype.empty() ? "none" : dtype + ", which it does not");
  }
  return forms;
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  flags.device.apply();
  const auto forms = chosen_forms(flags.dtype);
  torch::NoGradGuard no_grad;
  const auto loaded = flags.encoder.load();
  const auto batch = read_batch(flags, *loaded.tokenizer);
  const auto weights = loaded.encoder->weights();
  std::cout << "| layers |";
  for (const auto& form : forms) std::cout << " " << form.first << " |";
  std::cout << "\n| --- |";
  for (size_t i = 0; i < forms.size(); ++i) std::cout << " ---: |";
  std::cout << std::fixed << std::setprecision(4) << "\n";
  auto config = loaded.encoder->config();
  const auto layers = config.num_hidden_layers;
  for (config.num_hidden_layers = 1; config.num_hidden_layers <= layers;
       ++config.num_hidden_layers) {
    const auto exact = madx::Encoder(config, weights)->forward(batch);
    std::cout << "| " << config.num_hidden_layers << " |";
    for (const auto& form : forms) {
      const auto ours = madx::Encoder(config, weights, form.second)->forward(batch);
      std::cout << " " << ((ours - exact).norm() / exact.norm()).item<double>() << " |";
    }
    std::cout << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("int8_error", [&] { run(argc, argv); });
}

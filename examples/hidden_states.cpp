// Writes the last hidden states of raw text under a stack of adapters: features for another
// program, or for a comparison (tests/python/check_adapters.py holds them against Python's).
//
//   build/bin/hidden_states --encoder xlmr.pt --adapter adapters/sw --adapter runs/ner/task_adapter
//   --text sw.txt
//       --output hidden.safetensors
//
// For line i: input_ids.i (length) int64, special tokens included, and hidden.i (length, hidden)
// float32.
#include <CLI/CLI.hpp>
#include <iostream>

#include "madx/madx.h"
#include "madx/programs/flags.h"
#include "madx/programs/program.h"

int main(int argc, char** argv) {
  return madx::run_program("hidden_states", [&] {
    CLI::App app("Writes the last hidden states of raw text under a stack of adapters");
    std::string encoder, setup, text, output, leave_out;
    std::vector<std::string> directories;
    madx::DeviceFlags device;
    int64_t max_length = 128;
    app.add_option("--encoder", encoder, "Encoder: a directory or .pt file")->required();
    app.add_option("--adapter", directories,
                   "AdapterHub directory; several: the stack, bottom first");
    app.add_option(
        "--setup", setup,
        "Setup of AdapterHub (adapter_setup.json): its adapters and fusions, composed as "
        "it says");
    app.add_option("--leave-out", leave_out,
                   "Layers in which adapters are left out, e.g. 11 (MAD-X 2.0)");
    app.add_option("--text", text, "Raw text, a line a sequence")->required();
    app.add_option("--output", output, "File to write (.safetensors)")->required();
    app.add_option("--max-length", max_length, "Tokens of a line at most; the rest is cut")
        ->capture_default_str();
    device.add_to(app);
    madx::parse_command_line(app, argc, argv);
    if (!setup.empty() && !directories.empty()) {
      madx::input_error("--adapter and --setup: expected one of them, but found both");
    }
    const auto where = device.apply();
    auto loaded = madx::io::load_encoder(encoder, device.encoder_dtype());
    const auto& config = loaded.encoder->config();
    madx::check_max_length(max_length, config);
    madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
    const auto left_out = madx::parse_layers("--leave-out", leave_out);
    std::vector<std::string> stack;
    for (size_t i = 0; i < directories.size(); ++i) {
      stack.push_back(madx::io::load_adapter(adapters, directories[i],
                                             "adapter" + std::to_string(i), left_out));
    }
    if (setup.empty()) {
      adapters->activate(stack);
    } else {
      adapters->activate(madx::io::load_adapter_setup(adapters, setup, left_out));
    }
    adapters->eval();
    adapters->to(where);
    loaded.encoder->to(where);

    torch::NoGradGuard no_grad;
    const madx::TextCorpus corpus({text});
    madx::io::TensorMap tensors;
    for (size_t line = 0; line < corpus.size(); ++line) {
      auto ids = loaded.tokenizer->encode(corpus.line(line));
      if (static_cast<int64_t>(ids.size()) > max_length - 2)
        ids.resize(static_cast<size_t>(max_length - 2));
      ids.insert(ids.begin(), loaded.tokenizer->special().bos);
      ids.push_back(loaded.tokenizer->special().eos);
      const auto batch = madx::pack({ids});
      tensors.insert("input_ids." + std::to_string(line), batch.input_ids);
      tensors.insert("hidden." + std::to_string(line),
                     loaded.encoder->forward(batch.to(where), *adapters).cpu());
    }
    madx::io::write_safetensors(output, tensors);
    std::cout << "wrote " << output << ": " << corpus.size() << " lines\n";
  });
}

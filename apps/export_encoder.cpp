// Writes a Hugging Face directory (config.json, model.safetensors, tokenizer) as one TorchScript
// file that carries all of it.
//
//   build/bin/export_encoder --from xlm-roberta-base --to xlmr.pt
#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/program.h"
#include "madx/madx.h"

int main(int argc, char** argv) {
  return madx::apps::run_program("export_encoder", [&] {
    CLI::App app(
        "Converts an encoder's directory to one TorchScript file with configuration and tokenizer");
    std::string from, to;
    bool weights_only = false;
    app.add_option("--from", from,
                   "Directory: config.json, a tokenizer, and model.safetensors, pytorch_model.bin "
                   "or encoder.pt")
        ->required();
    app.add_option("--to", to, "File to write (.pt)")->required();
    madx::apps::add_weights_only(app, weights_only);
    madx::apps::parse_command_line(app, argc, argv);
    madx::apps::check_output_is_no_input(to, {from});
    const auto loaded = madx::io::export_encoder(from, to, weights_only);
    std::cout << "wrote " << to << ": ";
    madx::apps::print_encoder(loaded);
  });
}

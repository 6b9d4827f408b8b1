#include "apps/command_line/encoder_flags.h"

#include <iostream>

#include "apps/run/notes.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/data/invisible.h"
#include "madx/io/adapterhub.h"
#include "madx/io/floating.h"

namespace madx::apps {

void add_weights_only(CLI::App& app, bool& weights_only) {
  app.add_flag("--weights-only", weights_only,
               "Read a TorchScript file as data: the program in it does not run, and native layers "
               "are not compared with it");
}

void EncoderFlags::add_to(CLI::App& app) {
  app.add_option("--encoder", path, "Encoder: a directory or .pt file")->required();
  add_weights_only(app, weights_only);
}

io::LoadedEncoder EncoderFlags::load(WeightForm form) const {
  auto loaded = io::load_encoder(path, io::LoadEncoderOptions(form).weights_only(weights_only));
  if (loaded.archive_as_data) {
    note(
        path +
        ": only the weights were read; the archive's own forward was not run, so only their shapes "
        "show that config.json fits them");
  }
  return loaded;
}

void print_encoder(const io::LoadedEncoder& loaded) {
  const auto& config = loaded.encoder->config();
  std::cout << "encoder: " << config.model_type << ", "
            << counted(config.num_hidden_layers, "layer") << " x " << config.hidden_size
            << ", vocabulary " << config.vocab_size
            << (loaded.head.is_empty() ? ", no masked-LM head" : ", with masked-LM head")
            << (loaded.encoder->has_own_output() ? " and an output layer of its own" : "");
  if (loaded.archive_difference) {
    std::cout << "; native layers and the archive's own forward differ by at most "
              << number_text(*loaded.archive_difference);
    if (loaded.archive_type != at::kFloat)
      std::cout << ", because the archive computes in " << io::type_name(loaded.archive_type);
  }
  std::cout << "\n";
}

void say_other_types(const std::vector<std::string>& adapters, const EncoderConfig& config) {
  for (const auto& directory : adapters) {
    if (directory.empty()) continue;
    const auto type = io::read_adapter_model(directory).model_type;
    if (type == config.model_type) continue;
    note(directory + ": an adapter of " + in_quotes(type) + ", but the encoder is " +
         in_quotes(config.model_type) +
         "; only its shape fits, unless both encoders have the same weights");
  }
}

std::string name_of_output(const std::string& name, const std::string& directory) {
  const auto& chosen = name.empty() ? directory : name;
  const auto problem = io::name_problem(chosen);
  if (problem.empty()) return chosen;
  if (!name.empty()) input_error("--name \"", name, "\": ", problem, "; choose another name");
  input_error("--output: \"", directory, "\", after which the result is named: ", problem,
              "; give a name by --name");
}

}  // namespace madx::apps

// Writes the last hidden states of raw text under adapters: features for another program, or for a
// comparison (tests/python/check_adapters.py holds them against Python's).
//
//   build/bin/hidden_states --encoder xlmr.pt --adapter adapters/sw --adapter runs/ner/task_adapter
//       --text sw.txt --output hidden.safetensors
//   build/bin/hidden_states --encoder xlmr.pt --adapter sw=adapters/sw --adapter ner=ner
//       --adapter pos=pos --fusion ner,pos --composition "Stack(sw, Fuse(ner, pos))" --text ...
//   build/bin/hidden_states --encoder xlmr.pt --adapter sw=adapters/sw --adapter en=adapters/en
//       --composition LANGUAGE --text sw=sw.txt --text en=en.txt --batch-size 16 --output ...
//
// For line i of the text, counted from 0 and through all files: input_ids.i (length) int64, special
// tokens included, and hidden.i (length, hidden) float32; under a Parallel block hidden.i.c for its
// member c. A blank line has its special tokens alone, so that numbers are those of the text.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/composition_flags.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/program.h"
#include "madx/data/invisible.h"
#include "madx/data/utf8.h"
#include "madx/madx.h"

namespace {

struct Flags {
  madx::apps::EncoderFlags encoder;
  std::string setup, output, leave_out;
  std::vector<std::string> adapters, texts;
  madx::apps::CompositionFlags composition;
  madx::apps::DeviceFlags device;
  int64_t max_length = 128, batch_size = 1;
};

Flags parse(int argc, char** argv) {
  CLI::App app("Writes the last hidden states of raw text under adapters, as safetensors");
  Flags flags;
  flags.encoder.add_to(app);
  app.add_option("--adapter", flags.adapters,
                 "[NAME=]DIRECTORY of an AdapterHub adapter; without --composition, several are "
                 "stacked, bottom first");
  flags.composition.add_to(app,
                           "names are those of --adapter, or else the adapters' own; LANGUAGE is "
                           "the language given in --text");
  app.add_option("--setup", flags.setup,
                 "Directory of an AdapterHub setup (adapter_setup.json): adapters, fusions and "
                 "their composition");
  app.add_option("--leave-out", flags.leave_out,
                 "Layers in which adapters are left out, e.g. 11 (MAD-X 2.0)");
  app.add_option("--text", flags.texts,
                 "Raw text, one sequence per line: FILE, or, with LANGUAGE in --composition, "
                 "LANGUAGE=FILE once per language")
      ->required();
  app.add_option("--output", flags.output, "File to write (.safetensors)")->required();
  app.add_option("--max-length", flags.max_length,
                 "Maximum tokens per line, special ones included; the rest is cut off")
      ->capture_default_str();
  app.add_option("--batch-size", flags.batch_size,
                 "Lines per batch; for BatchSplit, the sum of its batch_sizes")
      ->capture_default_str();
  flags.device.add_to(app);
  madx::apps::parse_command_line(app, argc, argv);
  if (flags.batch_size < 1)
    madx::input_error("--batch-size: expected a number above 0, but found ", flags.batch_size);
  for (const auto& inputs :
       {flags.texts, flags.adapters, flags.composition.fusions, {flags.encoder.path, flags.setup}})
    madx::apps::check_output_is_no_input(flags.output, inputs);
  if (flags.setup.empty()) return flags;
  for (const std::string flag : {"--adapter", "--fusion", "--composition"}) {
    if (app.count(flag) > 0)
      madx::input_error(flag, " and --setup: expected one of them, but found both");
  }
  return flags;
}

/// NAME=DIRECTORY or DIRECTORY.
struct AdapterFlag {
  std::string name, directory;
};

AdapterFlag split(const std::string& flag) {
  const auto equals = flag.find('=');
  if (equals == std::string::npos || std::filesystem::exists(flag)) return {"", flag};
  return {flag.substr(0, equals), flag.substr(equals + 1)};
}

/// Loads what the flags name and makes it active.
void load(const Flags& flags, const madx::EncoderConfig& config, madx::AdapterStack& adapters) {
  const auto left_out = madx::apps::parse_layers("--leave-out", flags.leave_out);
  madx::apps::check_layers("--leave-out", left_out, config);
  if (!flags.setup.empty())
    return adapters->activate(madx::io::load_adapter_setup(adapters, flags.setup, left_out));
  std::vector<std::string> stack;
  for (const auto& flag : flags.adapters) {
    auto [name, directory] = split(flag);
    if (name.empty() && !flags.composition.given()) name = "adapter" + std::to_string(stack.size());
    stack.push_back(madx::io::load_adapter(adapters, directory, name, left_out));
  }
  for (const auto& fusion : flags.composition.fusions) madx::io::load_fusion(adapters, fusion);
  if (!flags.composition.given()) return adapters->activate(stack);
  const auto composition = flags.composition.composition();
  for (const auto& name : madx::adapter_names(composition)) {
    if (name == madx::kLanguage || adapters->has(name)) continue;
    madx::input_error("--composition: expected names that --adapter gives, but found ", name);
  }
  adapters->activate(composition);
}

/// The lines to run, and the language of each where the composition wants one.
struct Lines {
  std::vector<std::string> texts, languages;
  size_t blank = 0;
};

void add_lines(const std::string& path, Lines& lines) {
  const auto texts = madx::read_utf8_lines(path);
  const auto blank = static_cast<size_t>(std::count_if(texts.begin(), texts.end(), madx::is_blank));
  if (blank == texts.size()) {
    madx::input_error(path, ": expected text, but found ",
                      texts.empty() ? "an empty file" : "only blank lines",
                      "; pass a UTF-8 file with a sentence or paragraph a line");
  }
  lines.texts.insert(lines.texts.end(), texts.begin(), texts.end());
  lines.blank += blank;
}

Lines read_lines(const Flags& flags, const madx::AdapterStack& adapters) {
  Lines lines;
  if (!adapters->wants_languages()) {
    if (flags.texts.size() > 1)
      madx::input_error("--text: expected one file without LANGUAGE in --composition, but found ",
                        flags.texts.size());
    add_lines(flags.texts[0], lines);
    return lines;
  }
  for (const auto& [language, path] : madx::apps::parse_pairs("--text", flags.texts)) {
    if (!adapters->has(language)) {
      madx::input_error("--text: expected a language that --adapter gives, but found ", language,
                        "; add --adapter ", language, "=DIRECTORY");
    }
    add_lines(path, lines);
    lines.languages.resize(lines.texts.size(), language);
  }
  return lines;
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto where = flags.device.apply();
  auto loaded = flags.encoder.load(flags.device.weight_form(where));
  const auto& config = loaded.encoder->config();
  madx::apps::check_max_length(flags.max_length, config);
  madx::AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  load(flags, config, adapters);
  flags.composition.apply_to(adapters);
  adapters->eval();
  adapters->to(where);
  loaded.encoder->to(where);

  torch::NoGradGuard no_grad;
  const auto lines = read_lines(flags, adapters);
  std::vector<std::string> directories;
  for (const auto& flag : flags.adapters) directories.push_back(split(flag).directory);
  madx::apps::say_other_types(directories, config);
  madx::TensorMap tensors;
  const auto step = static_cast<size_t>(flags.batch_size);
  for (size_t first = 0; first < lines.texts.size(); first += step) {
    const auto last = std::min(first + step, lines.texts.size());
    std::vector<std::vector<int64_t>> sequences;
    for (auto line = first; line < last; ++line)
      sequences.push_back(loaded.tokenizer->encode_sequence(lines.texts[line], flags.max_length));
    auto batch = madx::pack(sequences);
    if (!lines.languages.empty())
      batch.languages = {lines.languages.begin() + static_cast<int64_t>(first),
                         lines.languages.begin() + static_cast<int64_t>(last)};
    const auto hidden = loaded.encoder->forward(batch.to(where), *adapters).cpu();
    if (!at::isfinite(hidden).all().item<bool>()) {
      madx::input_error(
          flags.encoder.path, ": expected finite hidden states, but found others; ",
          "weights of the encoder or of an adapter are not finite, or far too large: make it anew");
    }
    const auto channels = batch.rows() > 0 ? hidden.size(0) / batch.rows() : 1;
    for (auto line = first; line < last; ++line) {
      const auto s = line - first;
      const auto rows = batch.offsets[s + 1] - batch.offsets[s];
      const auto number = std::to_string(line);
      tensors.insert("input_ids." + number, batch.input_ids.narrow(0, batch.offsets[s], rows));
      for (int64_t channel = 0; channel < channels; ++channel) {
        tensors.insert("hidden." + number + (channels > 1 ? "." + std::to_string(channel) : ""),
                       hidden.narrow(0, channel * batch.rows() + batch.offsets[s], rows));
      }
    }
  }
  madx::io::write_safetensors(flags.output, tensors);
  std::cout << "wrote " << flags.output << ": "
            << madx::counted(static_cast<int64_t>(lines.texts.size()), "line");
  if (lines.blank > 0) std::cout << ", " << lines.blank << " of them blank";
  std::cout << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("hidden_states", [&] { run(argc, argv); });
}

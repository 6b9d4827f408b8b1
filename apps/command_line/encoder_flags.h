#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "madx/io/encoder_files.h"

namespace madx::apps {

/// `--encoder` and how it is read.
struct EncoderFlags {
  std::string path;
  bool weights_only = false;

  void add_to(CLI::App& app);
  /// As io::load_encoder does. Says so where an archive was not run.
  io::LoadedEncoder load(WeightForm form = WeightForm::kFloat32) const;
};

/// Adds `--weights-only`.
void add_weights_only(CLI::App& app, bool& weights_only);

/// Prints the encoder's shape and, for TorchScript that was run, how far its native layers are from
/// the archive's own forward.
void print_encoder(const io::LoadedEncoder& loaded);

/// Says on standard error which of these adapters' directories were made for an encoder of another
/// type: sizes may be the same, and what it learned means nothing here. "" is none.
void say_other_types(const std::vector<std::string>& adapters, const EncoderConfig& config);

/// What is trained is named `name`, --name's value, or where that is empty after the directory that
/// --output names. Throws InputError, naming the flag, for a name that Python cannot give.
std::string name_of_output(const std::string& name, const std::string& directory);

}  // namespace madx::apps

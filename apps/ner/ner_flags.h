#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/command_line/composition_flags.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/encoder_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/text_files.h"
#include "apps/ner/labelled_files.h"

namespace madx::apps {

/// The command line of zero_shot_ner.
struct NerFlags {
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  EncoderFlags encoder;
  std::string output, task_adapter, setup = "madx", leave_out_loaded, mixed_text;
  std::vector<std::string> sources;  ///< languages of --source
  std::string source;                ///< all languages of --train, as results name them
  std::vector<LabelledFile> train, dev;
  std::vector<std::string> train_languages;
  int64_t unfreeze_every = 0;
  Pairs languages, tests, texts, adapters;
  CompositionFlags composition;
  AdapterFlags adapter;
  TrainingFlags training;
  DeviceFlags device;
  ConllFlags conll;
  std::vector<std::string> notes;  ///< on flags that do nothing

  bool trains() const { return !train.empty(); }
  /// The languages whose adapters training and its held-out data run under, each once.
  std::vector<std::string> languages_of_training() const;
};

/// Reads the command line. Throws InputError, naming the flag, for what no run can have; whether
/// files, adapters and encoder fit is seen later.
NerFlags parse_ner_flags(int argc, char** argv);

}  // namespace madx::apps

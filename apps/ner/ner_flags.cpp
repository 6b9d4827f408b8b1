#include "apps/ner/ner_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <initializer_list>

#include "apps/command_line/command_line.h"
#include "madx/core/error.h"

namespace madx::apps {
namespace {

/// What stands on the command line as it is.
struct Words {
  std::string source;
  std::vector<std::string> train, dev, languages, tests, texts, adapters;
};

void add_data(CLI::App& app, NerFlags& flags, Words& words) {
  flags.encoder.add_to(app);
  app.add_option("--source", words.source, "Language of the training data; several as en+de")
      ->required();
  app.add_option("--language", words.languages,
                 "LANGUAGE=DIRECTORY of a language adapter, once per language");
  app.add_option("--test", words.tests, "LANGUAGE=FILE to score, in CoNLL format");
  app.add_option("--text", words.texts, "LANGUAGE=FILE of raw text to tag, one sentence per line");
  app.add_option("--mixed-text", flags.mixed_text,
                 "File of raw text to tag; each line: LANGUAGE, a tab, a sentence");
  app.add_option("--train", words.train,
                 "CoNLL training data: FILE in the source language, or LANGUAGE=FILE, once per "
                 "language; each sentence runs under its own language's adapters");
  app.add_option("--dev", words.dev,
                 "CoNLL held-out data, FILE or LANGUAGE=FILE as for --train: the task adapter with "
                 "the best F1 over all files is kept");
  app.add_option("--task-adapter", flags.task_adapter,
                 "Directory of a trained task adapter, instead of --train");
  app.add_option("--output", flags.output, "Directory to write")->required();
}

void add_training(CLI::App& app, NerFlags& flags, Words& words) {
  app.add_option("--setup", flags.setup,
                 "madx, no-inv (without invertible adapters), no-lang (without language adapters), "
                 "or finetune (the encoder learns, without adapters)")
      ->capture_default_str();
  app.add_option("--train-languages", flags.train_languages,
                 "Run each training batch under the adapters of one of these languages, drawn at "
                 "random, instead of its sentences' own (target-language-ready)");
  app.add_option("--unfreeze-every", flags.unfreeze_every,
                 "Scheduled unfreezing: the topmost layer's task adapter learns from the start, "
                 "the next lower one from step N on, and so on; 0: off")
      ->capture_default_str();
  app.add_option("--adapter", words.adapters,
                 "NAME=DIRECTORY of another adapter that --composition names");
  app.add_option("--leave-out-loaded", flags.leave_out_loaded,
                 "Layers in which loaded adapters are left out, e.g. 11 (MAD-X 2.0)");
  flags.composition.add_to(app,
                           "LANGUAGE is each sentence's language, ner the task adapter. With "
                           "--train, ner and fusions that no flag loads are trained");
  flags.adapter.add_to(app, /*default_reduction_factor=*/16);
  flags.training.add_to(app);
  flags.device.add_to(app);
  flags.conll.add_to(app);
}

using FlagNames = std::initializer_list<const char*>;

/// No error: who compares setups gives them all one set of flags.
void note_idle(const CLI::App& app, NerFlags& flags, FlagNames names, const std::string& beside) {
  for (const std::string flag : names)
    if (app.count(flag) > 0) flags.notes.push_back(flag + " does nothing beside " + beside);
}

/// Refuses flags of what is trained where a task adapter is loaded, and notes those of how.
void check_scoring(const CLI::App& app, NerFlags& flags) {
  for (const std::string flag :
       {"--dev", "--config", "--leave-out", "--reduction-factor", "--adapter-drop",
        "--train-languages", "--unfreeze-every", "--average-every"}) {
    if (app.count(flag) == 0) continue;
    input_error(flag,
                ": expected --train beside it, but found --task-adapter, which is not trained "
                "again; leave ",
                flag, " out");
  }
  note_idle(app, flags,
            {"--steps", "--epochs", "--lr", "--warmup-steps", "--weight-decay",
             "--gradient-accumulation", "--eval-every", "--save-every", "--save-minutes",
             "--log-every", "--no-encoder-dropout", "--gradient-checkpointing"},
            "--task-adapter");
}

void check(const CLI::App& app, NerFlags& flags) {
  for (const std::string flag : {"--adapter", "--fusion"}) {
    if (app.count(flag) > 0 && !flags.composition.given()) {
      input_error(flag, ": expected --composition beside it, which says where it acts; leave ",
                  flag, " out, or add --composition");
    }
  }
  if (flags.trains() != flags.task_adapter.empty()) {
    input_error("--train and --task-adapter: expected one of them, but found ",
                flags.trains() ? "both" : "neither");
  }
  if (!flags.trains()) check_scoring(app, flags);
  if (flags.setup == "finetune")
    note_idle(app, flags,
              {"--config", "--leave-out", "--reduction-factor", "--adapter-drop", "--stack-rule",
               "--skip-first-layers", "--leave-out-loaded"},
              "--setup finetune");
  if (flags.trains()) require_sources(flags.sources, flags.train);
  if (flags.tests.empty() && flags.texts.empty() && flags.mixed_text.empty()) {
    input_error(
        "expected --test LANGUAGE=FILE or --text LANGUAGE=FILE (or --mixed-text FILE), but found "
        "none");
  }
  for (const auto& language : flags.train_languages) {
    if (std::count(flags.train_languages.begin(), flags.train_languages.end(), language) > 1)
      input_error("--train-languages: expected each language once, but found ", language, " twice");
  }
  if (flags.unfreeze_every < 0) {
    input_error("--unfreeze-every: expected a number of at least 0, but found ",
                flags.unfreeze_every);
  }
}

}  // namespace

std::vector<std::string> NerFlags::languages_of_training() const {
  auto names = train_languages;
  const auto add = [&](const std::vector<LabelledFile>& files) {
    for (const auto& file : files)
      if (std::count(names.begin(), names.end(), file.language) == 0)
        names.push_back(file.language);
  };
  if (train_languages.empty()) add(train);
  add(dev);
  return names;
}

NerFlags parse_ner_flags(int argc, char** argv) {
  CLI::App app(
      "Zero-shot named entity recognition: trains or loads a task adapter, scores test sets, tags "
      "raw text");
  NerFlags flags;
  Words words;
  flags.training.batch_size = 16;
  flags.training.default_epochs = 10;
  add_data(app, flags, words);
  add_training(app, flags, words);
  parse_command_line(app, argc, argv);
  flags.training.check();
  flags.languages = parse_pairs("--language", words.languages);
  flags.tests = parse_pairs("--test", words.tests);
  flags.texts = parse_pairs("--text", words.texts);
  flags.adapters = parse_pairs("--adapter", words.adapters);
  flags.sources = parse_sources(words.source, words.train);
  for (const auto& source : flags.sources) check_language("--source", source);
  flags.train = parse_labelled_files("--train", words.train, flags.sources);
  flags.dev = parse_labelled_files("--dev", words.dev, flags.sources);
  flags.source = flags.trains() ? joined_languages(flags.train) : words.source;
  check(app, flags);
  return flags;
}

}  // namespace madx::apps

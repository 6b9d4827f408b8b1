// Zero-shot named entity recognition: trains a task adapter on the source language's adapters, or
// loads one, then swaps in the adapters of each target language and tags its test set or raw text
// (MAD-X section 4).
//
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en --language en=adapters/en --language
//   sw=adapters/sw
//       --train en/train.conll --dev en/dev.conll --test sw=sw/test.conll --output runs/ner
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en --language sw=adapters/sw
//       --task-adapter runs/ner/task_adapter --text sw=news.txt --output runs/tagged
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en --language en=adapters/en --adapter
//   ner=runs/ner/task_adapter --adapter pos=pos
//       --composition "Stack(LANGUAGE, Fuse(ner, pos))" --train en/train.conll --test ... --output
//       runs/fused
//
// Prints a table of exact-span scores (equal to seqeval's); writes results.json, predictions/,
// tagged/, report.html and task_adapter/.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "madx/madx.h"
#include "madx/programs/composition_flags.h"
#include "madx/programs/flags.h"
#include "madx/programs/mixed_text.h"
#include "madx/programs/ner_setup.h"
#include "madx/programs/program.h"
#include "madx/programs/text_files.h"
#include "madx/report/highlight.h"
#include "madx/report/terminal.h"

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Flags {
  std::string encoder, source, output, train, dev, task_adapter, setup = "madx", leave_out_loaded,
                                                                 mixed_text;
  Pairs languages, tests, texts, adapters;
  madx::CompositionFlags composition;
  madx::AdapterFlags adapter;
  madx::TrainingFlags training;
  madx::DeviceFlags device;
  madx::ConllFlags conll;
};

Flags parse(int argc, char** argv) {
  CLI::App app("Zero-shot named entity recognition with MAD-X");
  Flags flags;
  flags.training.batch_size = 16;
  std::vector<std::string> languages, tests, texts, adapters;
  app.add_option("--encoder", flags.encoder, "Encoder: a directory or .pt file")->required();
  app.add_option("--source", flags.source, "Language of the training data")->required();
  app.add_option("--language", languages,
                 "LANGUAGE=DIRECTORY of a language adapter; once a language");
  app.add_option("--test", tests, "LANGUAGE=FILE in CoNLL form");
  app.add_option("--text", texts, "LANGUAGE=FILE of raw text to tag, a sentence a line");
  app.add_option("--mixed-text", flags.mixed_text,
                 "Raw text to tag, a line a LANGUAGE, a tab and a sentence");
  app.add_option("--train", flags.train, "CoNLL file in the source language");
  app.add_option("--dev", flags.dev,
                 "CoNLL file in the source language: the best task adapter on it is kept");
  app.add_option("--task-adapter", flags.task_adapter,
                 "Directory of a trained task adapter, instead of --train");
  app.add_option("--leave-out-loaded", flags.leave_out_loaded,
                 "Layers in which adapters that are loaded are left out, e.g. 11");
  app.add_option("--output", flags.output, "Directory to write")->required();
  app.add_option("--setup", flags.setup, "madx, no-inv, no-lang or finetune")
      ->capture_default_str();
  app.add_option("--adapter", adapters,
                 "NAME=DIRECTORY of a further adapter that --composition names");
  flags.composition.add_to(app,
                           "in it LANGUAGE is the language of each sentence, ner the task adapter. "
                           "With --train the adapter ner and fusions learn that no flag loads");
  flags.adapter.add_to(app, /*default_reduction_factor=*/16);
  flags.training.add_to(app);
  flags.device.add_to(app);
  flags.conll.add_to(app);
  madx::parse_command_line(app, argc, argv);
  flags.training.check();
  flags.languages = madx::parse_pairs("--language", languages);
  flags.tests = madx::parse_pairs("--test", tests);
  flags.texts = madx::parse_pairs("--text", texts);
  flags.adapters = madx::parse_pairs("--adapter", adapters);
  for (const std::string flag : {"--adapter", "--fusion"}) {
    if (app.count(flag) > 0 && !flags.composition.given()) {
      madx::input_error(flag,
                        ": expected --composition beside it, which says where it acts; leave ",
                        flag, " out, or add --composition");
    }
  }
  if (flags.train.empty() == flags.task_adapter.empty()) {
    madx::input_error("--train and --task-adapter: expected one of them, but found ",
                      flags.train.empty() ? "neither" : "both");
  }
  for (const std::string flag : {"--dev", "--config", "--leave-out"}) {
    if (!flags.task_adapter.empty() && app.count(flag) > 0) {
      madx::input_error(flag,
                        ": expected --train beside it, but found --task-adapter, which is not "
                        "trained again; leave ",
                        flag, " out");
    }
  }
  if (flags.tests.empty() && flags.texts.empty() && flags.mixed_text.empty()) {
    madx::input_error(
        "expected --test LANGUAGE=FILE or --text LANGUAGE=FILE (or --mixed-text FILE), but found "
        "none");
  }
  return flags;
}

/// Trains the task adapter and its head under the source language's adapters and writes them to
/// task_adapter/.
madx::TrainingResult train(const Flags& flags, madx::NerModel& model,
                           const std::vector<madx::TaggedSentence>& sentences,
                           const std::string& output) {
  const auto dev =
      flags.dev.empty() ? std::vector<madx::TaggedSentence>() : flags.conll.read(flags.dev);
  model.activate(flags.source);
  madx::TaggingTask task(model.encoder, model.adapters, model.head, model.tokenizer, sentences, dev,
                         {flags.training.batch_size, flags.training.max_length, flags.training.seed,
                          flags.adapter.adapter_drop, model.trained_fusions()},
                         model.trained());
  auto options = flags.training.trainer_options("train task adapter", output, task.epoch_size(),
                                                /*default_epochs=*/10);
  if (!dev.empty() && options.eval_every == 0) options.eval_every = task.epoch_size();
  options.settings["--setup"] = flags.setup;
  options.settings["--dtype"] = flags.device.dtype;
  options.settings["--composition"] = madx::to_string(model.composition);
  options.settings["--stack-rule"] = flags.composition.stack_rule;
  options.settings["--skip-first-layers"] = std::to_string(flags.composition.skip_first_layers);
  options.settings["--adapter-drop"] = std::to_string(flags.adapter.adapter_drop);
  const auto result = madx::train(task, options);
  model.save(output, flags.encoder);
  return result;
}

/// Tags every test set with its language's adapters: predictions/<language>.conll and the scores.
void test(const Flags& flags, madx::NerModel& model, const std::string& output,
          madx::NerReport& report) {
  std::filesystem::create_directories(output + "/predictions");
  for (const auto& [language, path] : flags.tests) {
    const auto gold = flags.conll.read(path);
    const auto predicted = model.tag(language, gold);
    std::ostringstream columns;
    for (size_t i = 0; i < gold.size(); ++i)
      madx::write_columns(columns, {gold[i].tokens, gold[i].tags, predicted[i]});
    madx::write_file(output + "/predictions/" + language + ".conll", columns.str());
    report.results.runs.push_back({flags.setup, language, madx::score_tags(gold, predicted)});
    report.predictions.push_back({language, gold, predicted});
  }
  madx::write_results_json(output + "/results.json", report.results);
  madx::write_ner_report(output + "/report.html", report);
  std::cout << madx::ner_table(report.results);
}

/// Tags raw sentences: tagged/<language>.conll, and highlighted on a terminal.
void tag_text(const Flags& flags, madx::NerModel& model, const std::string& output) {
  std::filesystem::create_directories(output + "/tagged");
  for (const auto& [language, path] : flags.texts) {
    const auto sentences = madx::read_text_to_tag(path);
    const auto predicted = model.tag(language, sentences);
    std::ostringstream columns;
    for (size_t i = 0; i < sentences.size(); ++i) {
      madx::write_columns(columns, {sentences[i].tokens, predicted[i]});
      if (madx::is_terminal(STDOUT_FILENO)) {
        std::cout << madx::highlight(sentences[i].tokens, predicted[i],
                                     madx::wants_colour(STDOUT_FILENO))
                  << "\n";
      }
    }
    madx::write_file(output + "/tagged/" + language + ".conll", columns.str());
  }
}

/// Tags raw sentences of several languages in common batches: tagged/mixed.conll, each sentence
/// headed by its language.
void tag_mixed_text(const std::string& path, const madx::MixedText& text, madx::NerModel& model,
                    const std::string& output) {
  std::filesystem::create_directories(output + "/tagged");
  madx::say_passed_over(path, text.passed_over);
  const auto predicted = model.tag_mixed(text.languages, text.sentences);
  std::ostringstream columns;
  for (size_t i = 0; i < text.sentences.size(); ++i) {
    columns << "# language: " << text.languages[i] << "\n";
    madx::write_columns(columns, {text.sentences[i].tokens, predicted[i]});
  }
  madx::write_file(output + "/tagged/mixed.conll", columns.str());
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply();
  const auto setup = madx::parse_ner_setup(flags.setup);
  if (setup == madx::NerSetup::kFinetune &&
      flags.device.weight_form(device) != madx::WeightForm::kFloat32) {
    madx::input_error(
        "--dtype: expected float32 beside --setup finetune, which trains the encoder's "
        "own weights, but found ",
        flags.device.dtype, "; leave the flag out");
  }
  auto sentences =
      flags.train.empty() ? std::vector<madx::TaggedSentence>() : flags.conll.read(flags.train);
  for (const auto& pair : flags.tests)
    flags.conll.read(pair.second);  // refuses bad files before hours of training
  for (const auto& pair : flags.texts) madx::read_raw_sentences(pair.second);
  const auto mixed =
      flags.mixed_text.empty() ? madx::MixedText() : madx::read_mixed_text(flags.mixed_text);
  auto loaded = madx::io::load_encoder(flags.encoder, flags.device.weight_form(device));
  madx::check_max_length(flags.training.max_length, loaded.encoder->config());
  flags.training.apply_to(loaded.encoder);
  madx::NerModel model(setup, loaded, flags.languages, flags.training.max_length,
                       flags.training.batch_size,
                       madx::parse_layers("--leave-out-loaded", flags.leave_out_loaded));
  if (flags.composition.given())
    model.compose(flags.composition.composition(), flags.adapters, flags.composition.fusions);
  flags.composition.apply_to(model.adapters);
  flags.adapter.check_adapter_drop(loaded.encoder->config());
  for (const auto& language : mixed.languages) model.require_language(language);
  for (const auto* pairs : {&flags.tests, &flags.texts}) {
    for (const auto& pair : *pairs) model.require_language(pair.first);
  }

  madx::RunDirectory output(flags.output, flags.training.resume);
  madx::NerReport report;
  report.results = {flags.setup, flags.source, flags.training.seed, {}, std::nullopt, std::nullopt};
  report.encoder = flags.encoder;
  report.adapters = flags.languages;
  report.command_line = madx::command_line(argc, argv);
  torch::manual_seed(flags.training.seed);
  if (flags.task_adapter.empty()) {
    model.require_language(flags.source);
    const auto config = flags.adapter.bottleneck_config();
    madx::check_leave_out(config, loaded.encoder->config());
    model.add_task(config, madx::iob2_labels(sentences));
    model.to(device);
    const auto result = train(flags, model, sentences, output.path());
    report.results.train_seconds = result.seconds;
    report.results.best_dev_f1 = result.best_score;
    report.training = madx::read_metrics(output.path() + "/metrics.jsonl");
  } else {
    model.load_task(flags.task_adapter);
    model.to(device);
    report.adapters.emplace_back("task", flags.task_adapter);
  }
  if (!flags.tests.empty()) test(flags, model, output.path(), report);
  if (!flags.texts.empty()) tag_text(flags, model, output.path());
  if (!flags.mixed_text.empty()) tag_mixed_text(flags.mixed_text, mixed, model, output.path());
  output.finish();
  std::cout << "wrote " << flags.output << (flags.tests.empty() ? "" : " (open report.html)")
            << ", peak memory " << madx::peak_memory() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::run_program("zero_shot_ner", [&] { run(argc, argv); });
}

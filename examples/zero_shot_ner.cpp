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
// tagged/, report.html and task_adapter/. The task adapter is whole as soon as its training ends:
// where scoring is cut short, the same command goes on with it.
#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/command_line/composition_flags.h"
#include "apps/command_line/flags.h"
#include "apps/command_line/program.h"
#include "apps/command_line/text_files.h"
#include "apps/ner/ner_scoring.h"
#include "apps/run/interrupt.h"
#include "apps/run/metrics_log.h"
#include "apps/run/training_run.h"
#include "madx/madx.h"

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Flags {
  std::string encoder, source, output, train, dev, task_adapter, setup = "madx", leave_out_loaded,
                                                                 mixed_text;
  Pairs languages, tests, texts, adapters;
  madx::apps::CompositionFlags composition;
  madx::apps::AdapterFlags adapter;
  madx::apps::TrainingFlags training;
  madx::apps::DeviceFlags device;
  madx::apps::ConllFlags conll;
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
  madx::apps::parse_command_line(app, argc, argv);
  flags.training.check();
  flags.languages = madx::apps::parse_pairs("--language", languages);
  flags.tests = madx::apps::parse_pairs("--test", tests);
  flags.texts = madx::apps::parse_pairs("--text", texts);
  flags.adapters = madx::apps::parse_pairs("--adapter", adapters);
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

struct Inputs {
  std::vector<madx::TaggedSentence> train, dev;
  madx::apps::NerInputs scored;
};

/// Reads every file, so that a bad one is refused before hours of training.
Inputs read_inputs(const Flags& flags) {
  Inputs inputs;
  if (!flags.train.empty()) inputs.train = flags.conll.read(flags.train);
  if (!flags.dev.empty()) inputs.dev = flags.conll.read(flags.dev);
  for (const auto& [language, path] : flags.tests)
    inputs.scored.tests.emplace_back(language, flags.conll.read(path));
  for (const auto& [language, path] : flags.texts)
    inputs.scored.texts.emplace_back(language, madx::apps::read_text_to_tag(path));
  if (!flags.mixed_text.empty()) {
    inputs.scored.mixed = madx::apps::read_mixed_text(flags.mixed_text);
    madx::apps::say_passed_over(flags.mixed_text, inputs.scored.mixed.passed_over);
  }
  return inputs;
}

/// The encoder with all adapters that are loaded, for every language that is asked for.
madx::apps::NerModel make_model(const Flags& flags, const Inputs& inputs, at::Device device) {
  const auto setup = madx::apps::parse_ner_setup(flags.setup);
  const auto form = flags.device.weight_form(device);
  if (setup == madx::apps::NerSetup::kFinetune && form != madx::WeightForm::kFloat32) {
    madx::input_error(
        "--dtype: expected float32 beside --setup finetune, which trains the encoder's "
        "own weights, but found ",
        flags.device.dtype, "; leave the flag out");
  }
  auto loaded = madx::io::load_encoder(flags.encoder, form);
  madx::apps::check_max_length(flags.training.max_length, loaded.encoder->config());
  flags.training.apply_to(loaded.encoder);
  madx::apps::NerModel model(
      setup, loaded, flags.languages, flags.training.max_length, flags.training.batch_size,
      madx::apps::parse_layers("--leave-out-loaded", flags.leave_out_loaded));
  if (flags.composition.given())
    model.compose(flags.composition.composition(), flags.adapters, flags.composition.fusions);
  flags.composition.apply_to(model.adapters);
  flags.adapter.check_adapter_drop(loaded.encoder->config());
  for (const auto& language : inputs.scored.mixed.languages) model.require_language(language);
  for (const auto* pairs : {&flags.tests, &flags.texts}) {
    for (const auto& pair : *pairs) model.require_language(pair.first);
  }
  if (!flags.train.empty()) model.require_language(flags.source);
  return model;
}

std::unique_ptr<madx::TaggingTask> make_task(const Flags& flags, const madx::apps::NerModel& model,
                                             const Inputs& inputs) {
  madx::TaggingTask::Options options;
  options.batch_size = flags.training.batch_size;
  options.max_length = flags.training.max_length;
  options.seed = flags.training.seed;
  options.adapter_drop = flags.adapter.adapter_drop;
  options.fusions = model.trained_fusions();
  return std::make_unique<madx::TaggingTask>(model.encoder, model.adapters, model.head,
                                             model.tokenizer, inputs.train, inputs.dev, options,
                                             model.trained());
}

/// What is computed: all of it for the task adapter's training, and what is scored with it.
madx::apps::RunState describe(const Flags& flags, const madx::apps::NerModel& model,
                              const madx::TrainerOptions& options) {
  madx::apps::RunState state;
  state.program = "zero_shot_ner";
  auto& training = state.training;
  training.add_input("--encoder", flags.encoder);
  training.settings["--source"] = flags.source;
  training.settings["--setup"] = flags.setup;
  training.settings["--composition"] = madx::to_string(model.composition);
  training.settings["--stack-rule"] = flags.composition.stack_rule;
  training.settings["--skip-first-layers"] = std::to_string(flags.composition.skip_first_layers);
  training.settings["--leave-out-loaded"] = flags.leave_out_loaded;
  training.settings["--max-length"] = std::to_string(flags.training.max_length);
  training.settings["--seed"] = std::to_string(flags.training.seed);
  flags.conll.describe(training);
  flags.device.describe(training);
  for (const auto& [name, directory] : flags.adapters)
    training.add_input("--adapter " + name, directory);
  for (const auto& directory : flags.composition.fusions) training.add_input("--fusion", directory);
  if (flags.train.empty()) {
    training.add_input("--task-adapter", flags.task_adapter);
  } else {
    training.add_input("--train", flags.train);
    if (!flags.dev.empty()) training.add_input("--dev", flags.dev);
    flags.training.describe(options, training);
    flags.adapter.describe(flags.adapter.bottleneck_config(), training);
  }
  const bool has_languages = model.setup == madx::apps::NerSetup::kMadx ||
                             model.setup == madx::apps::NerSetup::kNoInvertible;
  for (const auto& [language, directory] : flags.languages) {
    if (!has_languages) break;  // they are not loaded
    auto& reader = language == flags.source ? state.training : state.scoring;
    reader.add_input("--language " + language, directory);
  }
  for (const auto& [language, path] : flags.tests)
    state.scoring.add_input("--test " + language, path);
  for (const auto& [language, path] : flags.texts)
    state.scoring.add_input("--text " + language, path);
  if (!flags.mixed_text.empty()) state.scoring.add_input("--mixed-text", flags.mixed_text);
  return state;
}

/// Trains the task adapter and its head under the source language's adapters and writes them.
void train(const Flags& flags, madx::apps::NerModel& model, madx::TaggingTask& task,
           const madx::TrainerOptions& options, const madx::apps::RunState& state,
           madx::apps::RunDirectory& output, const madx::apps::InterruptGuard& guard) {
  model.activate(flags.source);
  const auto result = madx::apps::run_training(
      task, options, {"train task adapter", flags.training.save_minutes, state.training}, output,
      guard);
  model.save(output.path());
  std::map<std::string, double> figures = {{"seconds", result.seconds},
                                           {"steps", static_cast<double>(result.steps)}};
  if (result.best_score) figures["best_dev_f1"] = *result.best_score;
  output.trained(figures);
  if (options.save_every == 0) output.drop_checkpoint();
}

/// A figure that every training leaves.
double figure(const madx::apps::RunDirectory& output, const std::string& name) {
  const auto found = output.figures().find(name);
  if (found != output.figures().end()) return found->second;
  madx::input_error(output.path(), "/run.json: expected the figure \"", name,
                    "\" of a training, but found none; name another output");
}

madx::apps::NerReport make_report(const Flags& flags, const std::string& command_line,
                                  const madx::apps::RunDirectory& output) {
  madx::apps::NerReport report;
  report.results = {flags.setup, flags.source, flags.training.seed, {}, std::nullopt, std::nullopt};
  report.encoder = flags.encoder;
  report.adapters = flags.languages;
  report.command_line = command_line;
  if (flags.train.empty()) {
    report.adapters.emplace_back("task", flags.task_adapter);
    return report;
  }
  const auto& figures = output.figures();
  report.results.train_seconds = figure(output, "seconds");
  if (figures.count("best_dev_f1") > 0) report.results.best_dev_f1 = figures.at("best_dev_f1");
  report.training = madx::apps::read_metrics(output.path() + "/metrics.jsonl");
  return report;
}

std::string scoring_interrupted(const Flags& flags, bool trains) {
  if (!trains) return "interrupted; nothing was written";
  return "interrupted while scoring; what was trained is whole in " + flags.output +
         ", and the same command goes on with scoring";
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto device = flags.device.apply();
  madx::apps::RunDirectory output(flags.output, flags.training.resume);
  const auto inputs = read_inputs(flags);
  auto model = make_model(flags, inputs, device);
  const bool trains = !flags.train.empty();
  torch::manual_seed(flags.training.seed);
  if (trains) {
    const auto config = flags.adapter.bottleneck_config();
    madx::apps::check_leave_out(config, model.encoder->config());
    model.add_task(config, madx::iob2_labels(inputs.train));
  } else {
    model.load_task(flags.task_adapter);
  }
  model.to(device);
  std::unique_ptr<madx::TaggingTask> task;
  madx::TrainerOptions options;
  if (trains) {
    task = make_task(flags, model, inputs);
    options = flags.training.trainer_options(task->epoch_size(), /*default_epochs=*/10);
    if (!inputs.dev.empty() && options.eval_every == 0) options.eval_every = task->epoch_size();
  }

  const auto state = describe(flags, model, options);
  const auto start = output.begin(state);
  if (start == madx::apps::RunDirectory::Start::kComplete)
    return madx::apps::print_complete(flags.output);
  const madx::apps::InterruptGuard guard;
  if (trains && start == madx::apps::RunDirectory::Start::kTrained) {
    std::cout << "trained already: scoring what is in " << output.path() << "\n";
    model = make_model(flags, inputs, device);
    model.load_saved(output.path(), static_cast<int64_t>(figure(output, "steps")));
    model.to(device);
  } else if (trains) {
    train(flags, model, *task, options, state, output, guard);
  }
  model.between_batches = [&] {
    if (guard.requested()) throw madx::Interrupted(scoring_interrupted(flags, trains));
  };
  madx::apps::score(model, inputs.scored,
                    make_report(flags, madx::apps::command_line(argc, argv), output),
                    output.new_scores());
  output.complete();
  std::cout << "wrote " << flags.output << (flags.tests.empty() ? "" : " (open report.html)")
            << ", peak memory " << madx::apps::peak_memory() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("zero_shot_ner", [&] { run(argc, argv); });
}

// Zero-shot named entity recognition: trains a task adapter on the source language's adapters, or
// loads one, then swaps in the adapters of each target language and tags its test set or raw text
// (MAD-X section 4).
//
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en
//       --language en=adapters/en --language sw=adapters/sw
//       --train en/train.conll --dev en/dev.conll --test sw=sw/test.conll --output runs/ner
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en --language sw=adapters/sw
//       --task-adapter runs/ner/task_adapter --text sw=news.txt --output runs/tagged
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en --language en=adapters/en
//       --adapter ner=runs/ner/task_adapter --adapter pos=pos
//       --composition "Stack(LANGUAGE, Fuse(ner, pos))"
//       --train en/train.conll --test en=en/test.conll --output runs/fused
//   build/bin/zero_shot_ner --encoder xlmr.pt --source en
//       --language en=adapters/en --language de=adapters/de --language sw=adapters/sw
//       --train en/train.conll --train de=de/train.conll --test sw=sw/test.conll --output runs/two
//
// Prints a table of exact-span scores (equal to seqeval's); writes results.json, predictions/,
// tagged/, report.html and task_adapter/. The task adapter is whole as soon as its training ends:
// where scoring is cut short, the same command goes on with it.
#include <filesystem>
#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/training_notes.h"
#include "apps/ner/ner_flags.h"
#include "apps/ner/ner_scoring.h"
#include "apps/ner/ner_training.h"
#include "apps/ranks/run_on_ranks.h"
#include "apps/run/interrupt.h"
#include "apps/run/metrics_log.h"
#include "apps/run/notes.h"
#include "apps/run/training_run.h"
#include "madx/madx.h"

namespace {

using madx::apps::NerFlags;

struct Inputs {
  madx::apps::LabelledSentences train, dev;
  madx::apps::NerInputs scored;
};

/// Reads every file, so that a bad one is refused before hours of training.
Inputs read_inputs(const NerFlags& flags) {
  Inputs inputs;
  inputs.train = madx::apps::read_labelled_files(flags.train, flags.conll);
  inputs.dev = madx::apps::read_labelled_files(flags.dev, flags.conll);
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

/// Whether the encoder's own weights learn.
bool encoder_learns(const NerFlags& flags) {
  return madx::apps::parse_ner_setup(flags.setup) == madx::apps::NerSetup::kFinetune &&
         flags.trains();
}

/// An encoder whose weights learn stays in float32, and --dtype says how it multiplies, in scoring,
/// too, whether that follows its training or a stop.
void choose_products(const NerFlags& flags, madx::Encoder& encoder) {
  encoder->use_bfloat16_products(encoder_learns(flags) && flags.device.dtype == "bfloat16");
}

/// The encoder with all adapters that are loaded, for every language that is asked for.
madx::apps::NerModel make_model(const NerFlags& flags, const Inputs& inputs, at::Device device) {
  const auto setup = madx::apps::parse_ner_setup(flags.setup);
  const bool learns = encoder_learns(flags);
  if (learns && flags.device.dtype == "int8") {
    madx::input_error(
        "--dtype: expected float32 or bfloat16 beside --setup finetune, which trains the encoder's "
        "own weights, but found int8");
  }
  auto loaded =
      flags.encoder.load(learns ? madx::WeightForm::kFloat32 : flags.device.weight_form(device));
  choose_products(flags, loaded.encoder);
  madx::apps::check_max_length(flags.training.max_length, loaded.encoder->config());
  flags.training.apply_to(loaded.encoder);
  constexpr auto kLeaveOutLoaded = "--leave-out-loaded";
  const auto left_out = madx::apps::parse_layers(kLeaveOutLoaded, flags.leave_out_loaded);
  madx::apps::check_layers(kLeaveOutLoaded, left_out, loaded.encoder->config());
  madx::apps::NerModel model(setup, loaded, flags.languages, flags.training.max_length,
                             flags.training.batch_size, left_out);
  if (flags.composition.given())
    model.compose(flags.composition.composition(), flags.adapters, flags.composition.fusions);
  flags.composition.apply_to(model.adapters);
  flags.adapter.check_adapter_drop(loaded.encoder->config(), flags.adapter.bottleneck_config());
  for (const auto& language : inputs.scored.mixed.languages) model.require_language(language);
  for (const auto* pairs : {&flags.tests, &flags.texts}) {
    for (const auto& pair : *pairs) model.require_language(pair.first);
  }
  return model;
}

/// Trains the task adapter and its head under language adapters and writes them.
void train(const NerFlags& flags, madx::apps::NerModel& model, madx::TaggingTask& task,
           const madx::TrainerOptions& options, const madx::apps::RunState& state,
           madx::apps::RunDirectory& output, const madx::apps::InterruptGuard& guard,
           madx::RankGroup& ranks) {
  const auto result = madx::apps::run_training(
      task, options, {"train task adapter", flags.training.save_minutes, state.training}, output,
      guard, ranks);
  if (!ranks.is_first()) return;
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

madx::apps::NerReport make_report(const NerFlags& flags, const std::string& command_line,
                                  const madx::apps::RunDirectory& output) {
  madx::apps::NerReport report;
  report.results = {flags.setup, flags.source, flags.training.seed, {}, std::nullopt, std::nullopt};
  report.encoder = flags.encoder.path;
  if (flags.setup == "madx" || flags.setup == "no-inv") report.adapters = flags.languages;
  report.command_line = command_line;
  if (!flags.trains()) {
    report.adapters.emplace_back("task", flags.task_adapter);
    return report;
  }
  const auto& figures = output.figures();
  report.results.train_seconds = figure(output, "seconds");
  if (figures.count("best_dev_f1") > 0) report.results.best_dev_f1 = figures.at("best_dev_f1");
  report.training = madx::apps::read_metrics(output.path() + "/metrics.jsonl");
  return report;
}

std::string scoring_interrupted(const NerFlags& flags, bool trains) {
  if (!trains) return "interrupted; nothing was written";
  return "interrupted while scoring; what was trained is whole in " + flags.output +
         ", and the same command goes on with scoring";
}

/// Of flags, data and adapters.
void make_notes(const NerFlags& flags, const Inputs& inputs, const madx::apps::NerModel& model) {
  for (const auto& note : flags.notes) madx::apps::note(note);
  for (const auto* data : {&inputs.train, &inputs.dev})
    for (const auto& file : data->without_entity)
      madx::apps::note(file + " has no entity: all tags are O");
  std::vector<std::string> adapters;
  for (const auto* named : {&flags.languages, &flags.adapters})
    for (const auto& [name, directory] : *named)
      if (model.adapters->has(name)) adapters.push_back(directory);
  // Where the task's adapter is one of --adapter, this directory holds the head alone.
  if (!flags.trains() && std::filesystem::exists(flags.task_adapter + "/adapter_config.json"))
    adapters.push_back(flags.task_adapter);
  madx::apps::say_other_types(adapters, model.encoder->config());
}

void run(int argc, char** argv, madx::RankGroup& ranks) {
  const auto flags = madx::apps::parse_ner_flags(argc, argv);
  const auto device = flags.device.apply(ranks);
  madx::apps::RunDirectory output(flags.output, flags.training.resume, ranks);
  const auto inputs = read_inputs(flags);
  auto model = make_model(flags, inputs, device);
  const bool trains = flags.trains();
  if (!trains && ranks.count() > 1) {
    madx::input_error("--train: expected it beside ", ranks.count(),
                      " ranks, which share training out, but found none; start one process");
  }
  torch::manual_seed(flags.training.seed);
  if (trains) {
    const auto config = flags.adapter.bottleneck_config();
    madx::apps::check_layers("--leave-out", config.leave_out, model.encoder->config());
    model.add_task(config, madx::iob2_labels(inputs.train.sentences));
    madx::apps::check_training(flags, model);
  } else {
    model.load_task(flags.task_adapter);
  }
  model.to(device);
  std::unique_ptr<madx::TaggingTask> task;
  madx::TrainerOptions options;
  if (trains) {
    task = madx::apps::make_tagging_task(flags, model, inputs.train, inputs.dev);
    options = flags.training.trainer_options(task->epoch_size());
    if (!flags.dev.empty() && options.eval_every == 0) options.eval_every = task->epoch_size();
  }

  const auto state = madx::apps::describe_run(flags, model, options);
  const madx::apps::InterruptGuard guard;
  const auto start = output.begin(state);
  if (start == madx::apps::RunDirectory::Start::kComplete)
    return madx::apps::print_complete(flags.output);
  make_notes(flags, inputs, model);
  if (!ranks.is_first() && start == madx::apps::RunDirectory::Start::kTrained) return;
  if (trains && start == madx::apps::RunDirectory::Start::kTrained) {
    std::cout << "trained already: scoring what is in " << output.path() << "\n";
    model = make_model(flags, inputs, device);
    model.load_saved(output.path(), static_cast<int64_t>(figure(output, "steps")));
    choose_products(flags, model.encoder);
    model.to(device);
  } else if (trains) {
    madx::apps::say_idle_flags(flags.training, options, flags.dev.empty() ? "--dev" : "");
    madx::apps::say_unreached(flags, *task, options);
    train(flags, model, *task, options, state, output, guard, ranks);
  }
  if (!ranks.is_first()) return;  // one of them scores
  model.between_batches = [&] {
    if (guard.requested()) throw madx::Interrupted(scoring_interrupted(flags, trains));
  };
  madx::apps::say_notes();
  madx::apps::score(model, inputs.scored,
                    make_report(flags, madx::apps::command_line(argc, argv), output),
                    output.new_scores());
  output.complete();
  std::cout << "wrote " << flags.output << (flags.tests.empty() ? "" : " (open report.html)")
            << ", peak memory " << madx::apps::peak_memory() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program_on_ranks("zero_shot_ner",
                                          [&](madx::RankGroup& ranks) { run(argc, argv, ranks); });
}

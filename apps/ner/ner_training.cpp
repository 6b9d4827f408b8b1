#include "apps/ner/ner_training.h"

#include <algorithm>

#include "apps/run/notes.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

/// What decides which adapters act, as the user gave it.
std::string what_acts(const NerFlags& flags) {
  return flags.composition.given() ? "--composition \"" + flags.composition.expression + "\""
                                   : "--setup " + flags.setup;
}

bool among(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether batches must say whose sentences they have.
bool mixes_languages(const NerFlags& flags) {
  return !flags.train_languages.empty() || flags.languages_of_training().size() > 1;
}

void describe_training(const NerFlags& flags, const TrainerOptions& options, Recipe& recipe) {
  // One file in the source's language is "--train", however it was given.
  const auto add = [&](const std::string& flag, const std::vector<LabelledFile>& files) {
    for (const auto& [language, path] : files) {
      const bool plain = files.size() == 1 && language == flags.source;
      recipe.add_input(plain ? flag : flag + " " + language, path);
    }
  };
  add("--train", flags.train);
  add("--dev", flags.dev);
  flags.training.describe(options, recipe);
  flags.adapter.describe(flags.adapter.bottleneck_config(), recipe);
  // Only where they are given: runs from before there were these flags go on.
  if (!flags.train_languages.empty())
    recipe.settings["--train-languages"] = joined(flags.train_languages, " ");
  if (flags.unfreeze_every > 0)
    recipe.settings["--unfreeze-every"] = std::to_string(flags.unfreeze_every);
}

}  // namespace

void check_training(const NerFlags& flags, const NerModel& model) {
  if (!flags.train_languages.empty() && !names_language(model.composition)) {
    input_error("--train-languages: expected language adapters to draw from, but found ",
                what_acts(flags), ", under which there are none; leave the flag out");
  }
  for (const auto& language : flags.languages_of_training()) model.require_language(language);
  if (flags.unfreeze_every == 0) return;
  if (!model.task_learns()) {
    input_error("--unfreeze-every: expected a task adapter that learns, but found ",
                what_acts(flags), ", under which there is none; leave the flag out");
  }
  if (!model.trained_fusions().empty()) {
    input_error("--unfreeze-every: expected no fusion that learns beside it, but found ",
                model.trained_fusions().front(), "; load it with --fusion, or leave the flag out");
  }
}

std::unique_ptr<TaggingTask> make_tagging_task(const NerFlags& flags, NerModel& model,
                                               const LabelledSentences& train,
                                               const LabelledSentences& dev) {
  TaggingTask::Options options;
  options.batch_size = flags.training.batch_size;
  options.max_length = flags.training.max_length;
  options.seed = flags.training.seed;
  options.adapter_drop = flags.adapter.adapter_drop;
  options.fusions = model.trained_fusions();
  options.languages = train.languages;
  options.dev_languages = dev.languages;
  options.train_languages = flags.train_languages;
  options.unfreeze_every = flags.unfreeze_every;
  if (mixes_languages(flags)) {
    model.adapters->activate(model.composition);
  } else {
    model.activate(flags.train.front().language);
  }
  return std::make_unique<TaggingTask>(model.encoder, model.adapters, model.head, model.tokenizer,
                                       train.sentences, dev.sentences, options, model.trained());
}

void say_unreached(const NerFlags& flags, const TaggingTask& task, const TrainerOptions& options) {
  if (flags.unfreeze_every == 0) return;
  const auto reached =
      std::min(task.unfreezing_stages(), (options.steps - 1) / flags.unfreeze_every + 1);
  if (reached == task.unfreezing_stages()) return;
  note("with --unfreeze-every " + std::to_string(flags.unfreeze_every) + ", " +
       counted(options.steps, "step") + (options.steps == 1 ? " reaches" : " reach") +
       " the task adapter in " + std::to_string(reached) + " of " +
       std::to_string(task.unfreezing_stages()) + " layers; the others stay as they begin");
}

RunState describe_run(const NerFlags& flags, const NerModel& model, const TrainerOptions& options) {
  RunState state;
  state.program = "zero_shot_ner";
  auto& training = state.training;
  training.add_input("--encoder", flags.encoder.path);
  training.settings["--source"] = flags.source;
  training.settings["--setup"] = flags.setup;
  training.settings["--composition"] = to_string(model.composition);
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
  if (flags.trains()) {
    describe_training(flags, options, training);
  } else {
    training.add_input("--task-adapter", flags.task_adapter);
  }
  const bool has_languages =
      model.setup == NerSetup::kMadx || model.setup == NerSetup::kNoInvertible;
  const auto of_training = flags.languages_of_training();
  for (const auto& [language, directory] : flags.languages) {
    if (!has_languages) break;  // they are not loaded
    const bool trains = among(language, flags.sources) || among(language, of_training);
    (trains ? state.training : state.scoring).add_input("--language " + language, directory);
  }
  for (const auto& [language, path] : flags.tests)
    state.scoring.add_input("--test " + language, path);
  for (const auto& [language, path] : flags.texts)
    state.scoring.add_input("--text " + language, path);
  if (!flags.mixed_text.empty()) state.scoring.add_input("--mixed-text", flags.mixed_text);
  return state;
}

}  // namespace madx::apps

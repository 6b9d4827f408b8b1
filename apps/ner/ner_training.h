#pragma once

#include <memory>

#include "apps/ner/ner_flags.h"
#include "apps/ner/ner_setup.h"
#include "apps/run/run_state.h"
#include "madx/train/tagging_task.h"
#include "madx/train/trainer.h"

namespace madx::apps {

/// Throws InputError, naming the flag, where the flags ask for a training that the model cannot
/// have: languages without adapters, draws of languages or a schedule of adapters where there are
/// none. For a model with its task (NerModel::add_task).
void check_training(const NerFlags& flags, const NerModel& model);

/// The training that the flags ask for, and its composition active in the model: as it is for the
/// one language of training and held-out data, or, where there are several, for batches that name
/// their sentences'.
std::unique_ptr<TaggingTask> make_tagging_task(const NerFlags& flags, NerModel& model,
                                               const LabelledSentences& train,
                                               const LabelledSentences& dev);

/// Says on standard output which adapters `options.steps` are too few for, by --unfreeze-every.
void say_unreached(const NerFlags& flags, const TaggingTask& task, const TrainerOptions& options);

/// What is computed: all of it for the task adapter's training, and what is scored with it.
RunState describe_run(const NerFlags& flags, const NerModel& model, const TrainerOptions& options);

}  // namespace madx::apps

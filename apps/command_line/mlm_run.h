#pragma once

#include <functional>
#include <string>

#include "apps/run/run_directory.h"
#include "madx/models/softmax_vocabulary.h"
#include "madx/train/trainer.h"

namespace madx::apps {

/// The end of a program that has trained by masked LM: `save` writes what was learned into the
/// output's directory, which is complete then, and keeps its checkpoint where --save-every asked
/// for one; says on standard output what came of it, `of_losses` after its losses. `path` is the
/// output as the user named it.
void finish_mlm_run(const std::string& path, RunDirectory& output, const TrainerOptions& options,
                    const TrainingResult& result, const SoftmaxVocabulary& vocabulary,
                    const std::function<void()>& save, const std::string& of_losses = "");

}  // namespace madx::apps

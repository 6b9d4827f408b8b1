#include "apps/command_line/mlm_run.h"

#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/mlm_flags.h"
#include "apps/run/training_run.h"

namespace madx::apps {

void finish_mlm_run(const std::string& path, RunDirectory& output, const TrainerOptions& options,
                    const TrainingResult& result, const SoftmaxVocabulary& vocabulary,
                    const std::function<void()>& save, const std::string& of_losses) {
  save();
  output.complete();
  if (options.save_every == 0) output.drop_checkpoint();
  std::cout << "wrote " << path << ": " << training_summary(result) << held_out_summary(result)
            << of_losses << softmax_note(vocabulary) << ", peak memory " << peak_memory() << "\n";
}

}  // namespace madx::apps

#include "madx/train/training_task.h"

#include "madx/core/error.h"

namespace madx {

void TrainingTask::share_with(RankGroup& ranks) {
  if (ranks.count() > 1) {
    input_error("this task: expected one process, but found ", ranks.count(),
                " ranks, to which it does not share out its batches; run it in one");
  }
}

}  // namespace madx

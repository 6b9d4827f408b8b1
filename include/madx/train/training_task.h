#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/train/metrics_row.h"
#include "madx/train/rank_group.h"

namespace madx {

/// What a trainer optimises: a loss by batch number, the tensors that learn, and how well they do
/// on held-out data.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  /// `step` steps are done: before the next one, and before an evaluation. What moves with the
  /// steps is set here, a function of their number alone.
  virtual void begin_step(int64_t step) {}

  /// From now on each batch is shared out to these ranks, which outlive the task's last batch.
  virtual void share_with(RankGroup& ranks);

  /// Of one batch.
  struct Loss {
    /// (), with its graph: of several ranks this one's share, so that the sum over them is the
    /// batch's loss; undefined where none of the batch is this rank's.
    at::Tensor value;
    int64_t tokens = 0;  ///< read by the batch, on all ranks, special ones included
  };
  /// The loss of batch `index`: a function of the seed and the index alone.
  virtual Loss loss(int64_t index) = 0;

  /// How often `batches` batches, counted from the first, have gone through the training data.
  virtual std::optional<double> passes(int64_t batches) const { return std::nullopt; }

  /// Of held-out data.
  struct Evaluation {
    double score = 0;         ///< higher is better; the best one's tensors are kept
    MetricsRow figures = {};  ///< what to log: eval_loss, perplexity, extra
    std::string summary;      ///< what to show
  };
  /// Runs the held-out data, if there is any.
  virtual std::optional<Evaluation> evaluate() = 0;

  /// Switches dropout.
  virtual void train(bool on) = 0;

  /// The tensors that learn, by a name that is stable between runs.
  virtual std::vector<std::pair<std::string, at::Tensor>> trained() const = 0;
};

}  // namespace madx

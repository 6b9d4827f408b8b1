#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/data/mlm_batches.h"
#include "madx/models/encoder.h"
#include "madx/models/mlm_head.h"
#include "madx/models/softmax_vocabulary.h"
#include "madx/train/adapter_drop.h"
#include "madx/train/stay_near.h"
#include "madx/train/training_task.h"

namespace madx {

/// Masked LM under the active stack: trains a language adapter with its invertible adapter, a
/// masked-LM head, or both.
class MlmTask : public TrainingTask {
 public:
  /// `trained` are the tensors that learn; all others stay as they are. `batches` are the task's
  /// own as long as it lives: it makes the next one on another thread. `held_out` may be nullptr.
  /// The softmax is over all of the encoder's sub-words, or over `vocabulary`, which is made of the
  /// text of `batches` and `held_out`.
  MlmTask(Encoder encoder, AdapterStack adapters, MlmHead head, MlmBatches& batches,
          MlmBatches* held_out, std::vector<std::pair<std::string, at::Tensor>> trained,
          const std::optional<SoftmaxVocabulary>& vocabulary = std::nullopt);

  /// From now on each batch skips up to `most` first layers.
  void use_adapter_drop(int64_t most, uint64_t seed) { drop_ = AdapterDrop(adapters_, most, seed); }

  /// From now on the loss of training, not that of evaluation, has a second term: how far hidden
  /// states of tokens that are not masked are from those that the text gives as it was (StayNear).
  /// Throws c10::Error for adapters that the bank lacks.
  void stay_near(const StayNear& near) { near_ = StayNearDistance(near, encoder_, adapters_); }

  Loss loss(int64_t index) override;
  void share_with(RankGroup& ranks) override { ranks_ = &ranks; }
  std::optional<double> passes(int64_t batches) const override { return batches_.passes(batches); }

  /// The loss on the held-out text.
  struct HeldOutLoss {
    double mean = 0;     ///< of the masked tokens
    int64_t masked = 0;  ///< tokens
  };
  /// Nothing where there is no held-out text, or no token of it is masked.
  std::optional<HeldOutLoss> held_out_loss();

  std::optional<Evaluation> evaluate() override;
  void train(bool on) override;
  std::vector<std::pair<std::string, at::Tensor>> trained() const override { return trained_; }

 private:
  /// Batch `index`; the one after it is made by another thread meanwhile.
  MlmBatch take(int64_t index);
  /// Of the loss of a batch, what this rank's sequences have in it. The encoder runs on every rank,
  /// be it on no rows, so that all draw as many random numbers.
  at::Tensor share_of(const MlmBatch& whole);
  /// `share` of the mean over the batch's masked tokens; undefined where there are none.
  at::Tensor masked_loss(const at::Tensor& hidden, const MlmBatch& batch, const Plan& plan,
                         const PackedBatch& packed, double share);
  at::Tensor loss_of(const MlmBatch& batch, double share = 1);
  at::Tensor loss_and_distance(const MlmBatch& batch, double share = 1);

  Encoder encoder_;
  AdapterStack adapters_;
  MlmHead head_;
  MlmBatches& batches_;
  MlmBatches* held_out_;
  SoftmaxVocabulary vocabulary_;
  AdapterDrop drop_;
  StayNearDistance near_;
  RankGroup* ranks_ = &one_process();
  std::vector<std::pair<std::string, at::Tensor>> trained_;
  int64_t ahead_index_ = -1;
  std::future<MlmBatch> ahead_;  // last: it ends before what it works on does
};

}  // namespace madx

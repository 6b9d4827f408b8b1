#pragma once

#include <cmath>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "madx/core/plain_text.h"
#include "madx/data/mlm_batches.h"
#include "madx/models/batch_part.h"
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
          const std::optional<SoftmaxVocabulary>& vocabulary = std::nullopt)
      : encoder_(std::move(encoder)),
        adapters_(std::move(adapters)),
        head_(std::move(head)),
        batches_(batches),
        held_out_(held_out),
        vocabulary_(vocabulary ? *vocabulary : SoftmaxVocabulary(encoder_)),
        drop_(adapters_, /*most=*/0, /*seed=*/0),
        trained_(std::move(trained)) {}

  /// From now on each batch skips up to `most` first layers.
  void use_adapter_drop(int64_t most, uint64_t seed) { drop_ = AdapterDrop(adapters_, most, seed); }

  /// From now on the loss of training, not that of evaluation, has a second term: how far hidden
  /// states of tokens that are not masked are from those that the text gives as it was (StayNear).
  /// Throws c10::Error for adapters that the bank lacks.
  void stay_near(const StayNear& near) { near_ = StayNearDistance(near, encoder_, adapters_); }

  Loss loss(int64_t index) override {
    drop_.draw(index);
    const auto batch = take(index);
    if (ranks_->count() > 1) return {share_of(batch), batch.batch.rows()};
    return {near_.counts() ? loss_and_distance(batch) : loss_of(batch), batch.batch.rows()};
  }

  void share_with(RankGroup& ranks) override { ranks_ = &ranks; }

  std::optional<double> passes(int64_t batches) const override { return batches_.passes(batches); }

  /// The loss on the held-out text.
  struct HeldOutLoss {
    double mean = 0;     ///< of the masked tokens
    int64_t masked = 0;  ///< tokens
  };
  /// Nothing where there is no held-out text, or no token of it is masked.
  std::optional<HeldOutLoss> held_out_loss() {
    if (held_out_ == nullptr) return std::nullopt;
    drop_.restore();
    double sum = 0;
    int64_t masked = 0;
    for (int64_t index = 0; index < held_out_->eval_size(); ++index) {
      const auto batch = held_out_->eval(index);
      const auto count = batch.targets.numel();
      if (count == 0) continue;
      sum += loss_of(batch).item<double>() * static_cast<double>(count);
      masked += count;
    }
    if (masked == 0) return std::nullopt;
    return HeldOutLoss{sum / static_cast<double>(masked), masked};
  }

  std::optional<Evaluation> evaluate() override {
    const auto held_out = held_out_loss();
    if (!held_out) return std::nullopt;
    const auto mean = held_out->mean;
    Evaluation evaluation;
    evaluation.score = -mean;
    evaluation.figures.eval_loss = mean;
    evaluation.figures.perplexity = std::exp(mean);
    evaluation.summary =
        "held-out loss " + fixed_text(mean, 6) + ", perplexity " + fixed_text(std::exp(mean), 6);
    if (!vocabulary_.is_whole()) {
      evaluation.summary += " over " + std::to_string(vocabulary_.size()) + " of " +
                            std::to_string(vocabulary_.encoder_size()) + " sub-words";
    }
    return evaluation;
  }

  void train(bool on) override {
    drop_.restore();
    encoder_->train(on);
    adapters_->train(on);
    head_->train(on);
  }

  std::vector<std::pair<std::string, at::Tensor>> trained() const override { return trained_; }

 private:
  /// Batch `index`; the one after it is made by another thread meanwhile.
  MlmBatch take(int64_t index) {
    const bool is_ahead = ahead_.valid() && index == ahead_index_;
    auto ahead = std::exchange(ahead_, {});
    auto batch = is_ahead ? ahead.get() : batches_.train(index);
    ahead_index_ = index + 1;
    ahead_ =
        std::async(std::launch::async, [this, next = index + 1] { return batches_.train(next); });
    return batch;
  }

  /// Of the loss of a batch, what this rank's sequences have in it. The encoder runs on every rank,
  /// be it on no rows, so that all draw as many random numbers.
  at::Tensor share_of(const MlmBatch& whole) {
    const auto shares = share_out(whole.batch.offsets, static_cast<size_t>(ranks_->count()));
    const auto part = take_part(whole.batch, shares[static_cast<size_t>(ranks_->rank())]);
    const MlmBatch own{part.batch, whole.targets.index_select(0, part.read)};
    const auto share =
        static_cast<double>(own.targets.numel()) / static_cast<double>(whole.targets.numel());
    return near_.counts() ? loss_and_distance(own, share) : loss_of(own, share);
  }

  /// `share` of the mean over the batch's masked tokens; undefined where there are none.
  at::Tensor masked_loss(const at::Tensor& hidden, const MlmBatch& batch, const Plan& plan,
                         const PackedBatch& packed, double share) {
    if (batch.targets.numel() == 0) return {};
    const auto loss = head_->loss(hidden, vocabulary_, batch.targets, plan, packed);
    return share == 1 ? loss : share * loss;
  }

  at::Tensor loss_of(const MlmBatch& batch, double share = 1) {
    const auto packed = batch.batch.to(encoder_->device());
    const auto& plan = *adapters_->active_plan();
    const auto hidden = encoder_->forward(packed, plan);  // (masked, hidden)
    return masked_loss(hidden, batch, plan, packed, share);
  }

  at::Tensor loss_and_distance(const MlmBatch& batch, double share = 1) {
    const auto packed = batch.batch.to(encoder_->device());
    const auto& masked = packed.read_rows;
    auto whole = packed;
    whole.read_rows = at::Tensor();
    const auto& plan = *adapters_->active_plan();
    const auto states = near_.states(encoder_, whole, plan);  // (rows, hidden) each
    const auto loss =
        masked_loss(states.back().index_select(0, masked), batch, plan, packed, share);
    auto text = whole;
    const auto unmasked = upload(batch.targets, masked.device());
    text.input_ids = whole.input_ids.index_copy(0, masked, unmasked);
    const auto far = near_.of(states, text, masked, *ranks_);
    return loss.defined() ? loss + far : far;
  }

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

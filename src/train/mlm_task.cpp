#include "madx/train/mlm_task.h"

#include <cmath>

#include "madx/core/plain_text.h"
#include "madx/core/upload.h"
#include "train/rank_part.h"

namespace madx {

MlmTask::MlmTask(Encoder encoder, AdapterStack adapters, MlmHead head, MlmBatches& batches,
                 MlmBatches* held_out, std::vector<std::pair<std::string, at::Tensor>> trained,
                 const std::optional<SoftmaxVocabulary>& vocabulary)
    : encoder_(std::move(encoder)),
      adapters_(std::move(adapters)),
      head_(std::move(head)),
      batches_(batches),
      held_out_(held_out),
      vocabulary_(vocabulary ? *vocabulary : SoftmaxVocabulary(encoder_)),
      drop_(adapters_, /*most=*/0, /*seed=*/0),
      trained_(std::move(trained)) {}

TrainingTask::Loss MlmTask::loss(int64_t index) {
  drop_.draw(index);
  const auto batch = take(index);
  if (ranks_->count() > 1) return {share_of(batch), batch.batch.rows()};
  return {near_.counts() ? loss_and_distance(batch) : loss_of(batch), batch.batch.rows()};
}

std::optional<MlmTask::HeldOutLoss> MlmTask::held_out_loss() {
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

std::optional<TrainingTask::Evaluation> MlmTask::evaluate() {
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

void MlmTask::train(bool on) {
  drop_.restore();
  encoder_->train(on);
  adapters_->train(on);
  head_->train(on);
}

MlmBatch MlmTask::take(int64_t index) {
  const bool is_ahead = ahead_.valid() && index == ahead_index_;
  auto ahead = std::exchange(ahead_, {});
  auto batch = is_ahead ? ahead.get() : batches_.train(index);
  ahead_index_ = index + 1;
  ahead_ =
      std::async(std::launch::async, [this, next = index + 1] { return batches_.train(next); });
  return batch;
}

at::Tensor MlmTask::share_of(const MlmBatch& whole) {
  const auto part = detail::part_of_rank(whole.batch, *ranks_);
  const MlmBatch own{part.batch, whole.targets.index_select(0, part.read)};
  const auto share =
      static_cast<double>(own.targets.numel()) / static_cast<double>(whole.targets.numel());
  return near_.counts() ? loss_and_distance(own, share) : loss_of(own, share);
}

at::Tensor MlmTask::masked_loss(const at::Tensor& hidden, const MlmBatch& batch, const Plan& plan,
                                const PackedBatch& packed, double share) {
  if (batch.targets.numel() == 0) return {};
  const auto loss = head_->loss(hidden, vocabulary_, batch.targets, plan, packed);
  return share == 1 ? loss : share * loss;
}

at::Tensor MlmTask::loss_of(const MlmBatch& batch, double share) {
  const auto packed = batch.batch.to(encoder_->device());
  const auto& plan = *adapters_->active_plan();
  const auto hidden = encoder_->forward(packed, plan);  // (masked, hidden)
  return masked_loss(hidden, batch, plan, packed, share);
}

at::Tensor MlmTask::loss_and_distance(const MlmBatch& batch, double share) {
  const auto packed = batch.batch.to(encoder_->device());
  const auto& masked = packed.read_rows;
  auto whole = packed;
  whole.read_rows = at::Tensor();
  const auto& plan = *adapters_->active_plan();
  const auto states = near_.states(encoder_, whole, plan);  // (rows, hidden) each
  const auto loss = masked_loss(states.back().index_select(0, masked), batch, plan, packed, share);
  auto text = whole;
  const auto unmasked = upload(batch.targets, masked.device());
  text.input_ids = whole.input_ids.index_copy(0, masked, unmasked);
  const auto far = near_.of(states, text, masked, *ranks_);
  return loss.defined() ? loss + far : far;
}

}  // namespace madx

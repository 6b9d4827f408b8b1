#include "madx/train/stay_near.h"

#include <torch/utils.h>

#include <utility>

namespace madx {

StayNearDistance::StayNearDistance(const StayNear& near, Encoder encoder, const AdapterStack& bank)
    : weight_(near.weight),
      every_layer_(near.every_layer),
      own_(near.reference.is_empty()),
      encoder_(own_ ? std::move(encoder) : near.reference),
      bank_(bank),
      plan_(bank->plan(near.adapters)) {
  if (!own_) encoder_->eval();
}

std::vector<at::Tensor> StayNearDistance::states(const Encoder& encoder, const PackedBatch& batch,
                                                 const Plan& plan) const {
  if (every_layer_) return encoder->layer_states(batch, plan);
  return {encoder->forward(batch, plan)};
}

at::Tensor StayNearDistance::of(const std::vector<at::Tensor>& states, const PackedBatch& text,
                                const at::Tensor& masked, RankGroup& ranks) {
  const auto near = states_near(text);
  const auto kept =
      at::ones({text.rows(), 1}, near[0].options()).index_fill_(0, masked, 0);  // (rows, 1)
  std::vector<at::Tensor> lengths, distances;
  for (size_t i = 0; i < near.size(); ++i) {
    lengths.push_back((near[i].square() * kept).sum());
    distances.push_back(((states[i] - near[i]).square() * kept).sum());
  }
  const auto length = at::stack(lengths);  // (measured)
  ranks.sum(length);
  return weight_ * (at::stack(distances) / length).mean();
}

std::vector<at::Tensor> StayNearDistance::states_near(const PackedBatch& text) {
  const torch::NoGradGuard no_grad;
  const bool encoder_trains = own_ && encoder_->is_training();
  const bool adapters_train = bank_->is_training();
  if (encoder_trains) encoder_->eval();
  if (adapters_train) bank_->eval();
  auto near = states(encoder_, text, *plan_);
  if (encoder_trains) encoder_->train();
  if (adapters_train) bank_->train();
  return near;
}

}  // namespace madx

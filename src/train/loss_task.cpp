#include "madx/train/loss_task.h"

namespace madx {

LossTask::LossTask(Encoder encoder, AdapterStack adapters, std::function<Loss(int64_t)> loss,
                   std::vector<std::pair<std::string, at::Tensor>> trained,
                   std::function<std::optional<Evaluation>()> evaluate,
                   std::function<void(bool)> train)
    : encoder_(std::move(encoder)),
      adapters_(std::move(adapters)),
      loss_(std::move(loss)),
      trained_(std::move(trained)),
      evaluate_(std::move(evaluate)),
      train_(std::move(train)) {}

std::optional<TrainingTask::Evaluation> LossTask::evaluate() {
  return evaluate_ ? evaluate_() : std::optional<Evaluation>();
}

void LossTask::train(bool on) {
  encoder_->train(on);
  adapters_->train(on);
  if (train_) train_(on);
}

std::vector<std::pair<std::string, at::Tensor>> tensors_of(
    const std::vector<std::pair<std::string, std::shared_ptr<torch::nn::Module>>>& modules) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [name, module] : modules)
    for (const auto& item : module->named_parameters())
      tensors.emplace_back(name + "." + item.key(), item.value());
  return tensors;
}

}  // namespace madx

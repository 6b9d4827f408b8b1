#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "madx/models/encoder.h"
#include "madx/train/training_task.h"

namespace madx {

/// A task of one's own: any loss over an encoder and a bank.
///
/// \snippet train_test.cpp loss task
class LossTask : public TrainingTask {
 public:
  /// `loss` gives the loss of batch `index`, a function of the index alone; `evaluate`, where it is
  /// set, runs the held-out data; `trained` are the tensors that learn, `train` switches dropout of
  /// what else there is (a head).
  LossTask(Encoder encoder, AdapterStack adapters, std::function<Loss(int64_t)> loss,
           std::vector<std::pair<std::string, at::Tensor>> trained,
           std::function<std::optional<Evaluation>()> evaluate = {},
           std::function<void(bool)> train = {});

  Loss loss(int64_t index) override { return loss_(index); }
  std::optional<Evaluation> evaluate() override;
  void train(bool on) override;
  std::vector<std::pair<std::string, at::Tensor>> trained() const override { return trained_; }

 private:
  Encoder encoder_;
  AdapterStack adapters_;
  std::function<Loss(int64_t)> loss_;
  std::vector<std::pair<std::string, at::Tensor>> trained_;
  std::function<std::optional<Evaluation>()> evaluate_;
  std::function<void(bool)> train_;
};

/// Every tensor of modules that learn together, each module's under a name of its own.
std::vector<std::pair<std::string, at::Tensor>> tensors_of(
    const std::vector<std::pair<std::string, std::shared_ptr<torch::nn::Module>>>& modules);

}  // namespace madx

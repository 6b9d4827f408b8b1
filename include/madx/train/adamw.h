#pragma once

#include <ATen/ATen.h>
#include <torch/optim/adamw.h>

#include <unordered_map>
#include <vector>

namespace madx {

/// torch::optim::AdamW (Loshchilov & Hutter 2019) in LibTorch's fused form: one pass over each
/// tensor, its gradient and its two moments. Options, parameter groups, schedulers, torch::save and
/// torch::load are those of LibTorch's optimizers; amsgrad is refused.
class AdamW : public torch::optim::AdamW {
 public:
  /// Weight matrices decay; biases and LayerNorms (one dimension) do not.
  AdamW(const std::vector<at::Tensor>& tensors, double weight_decay, double lr = 1e-3);
  /// Groups with options of their own.
  explicit AdamW(const std::vector<torch::optim::OptimizerParamGroup>& groups,
                 const torch::optim::AdamWOptions& defaults = {});

  /// What is kept of one tensor; all but `steps` of its shape.
  struct State {
    at::Tensor tensor;         ///< that learns
    at::Tensor first_moment;   ///< mean of its gradients
    at::Tensor second_moment;  ///< mean of their squares
    /// (): the updates of this tensor, which its bias correction counts. A tensor without a
    /// gradient (AdapterDrop) takes no part in a step.
    at::Tensor steps;
  };
  /// In the order of the constructor's tensors, then of those of groups added since.
  const std::vector<State>& states() const { return states_; }

  /// The norm of all gradients together.
  double gradient_norm() const;

  /// One update, as of any optimizer of LibTorch. A tensor without a gradient stays.
  at::Tensor step(LossClosure closure = nullptr) override;

  /// One update of all groups with this learning rate, from the gradients divided by
  /// `gradient_divisor`; then they are gone.
  void step_and_clear(double lr, double gradient_divisor = 1);

  /// As torch::optim::AdamW writes it: either reads the other's.
  void save(torch::serialize::OutputArchive& archive) const override;
  /// Reads what either wrote. A tensor without a state there, for it had no gradient as yet, keeps
  /// its own.
  void load(torch::serialize::InputArchive& archive) override;

 private:
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;

  AdamW(const Groups& groups, const torch::optim::AdamWOptions& defaults,
        const std::vector<at::Tensor>& tensors);

  /// Of a tensor of any group; made when it is first asked for.
  State& state_of(const at::Tensor& tensor);
  /// Into LibTorch's states, which have the moments already.
  void count_steps() const;
  torch::optim::AdamWParamState& of(const at::Tensor& tensor) const;
  void update(const torch::optim::OptimizerParamGroup& group, double lr, double gradient_divisor);

  std::vector<State> states_;
  std::unordered_map<const void*, size_t> index_;  // into states_, by tensor
};

}  // namespace madx

#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

namespace madx {

/// AdamW (Loshchilov & Hutter 2019) with beta 0.9 and 0.999, epsilon 1e-8, in LibTorch's fused
/// form: one pass over each tensor, its gradient and its two moments. Weight matrices decay; biases
/// and LayerNorms (one dimension) do not.
class AdamW {
 public:
  AdamW(std::vector<at::Tensor> tensors, double weight_decay) : weight_decay_(weight_decay) {
    for (auto& tensor : tensors) {
      const auto plain = tensor.detach();
      const auto steps = at::zeros({}, plain.options().dtype(at::kFloat));
      states_.push_back({std::move(tensor), at::zeros_like(plain), at::zeros_like(plain), steps});
    }
  }

  struct State {
    at::Tensor tensor, first_moment, second_moment;  // of one shape
    /// (): the updates of this tensor, which its bias correction counts. A tensor without a
    /// gradient (AdapterDrop) takes no part in a step.
    at::Tensor steps;
  };
  /// In the order of the constructor's tensors.
  const std::vector<State>& states() const { return states_; }

  /// The norm of all gradients together.
  double gradient_norm() const {
    const auto norms = at::_foreach_norm(gradients());
    return norms.empty() ? 0 : at::stack(norms).norm().item<double>();
  }

  /// One update from the gradients divided by `gradient_divisor`; then they are gone. A tensor
  /// without a gradient stays.
  void step(double lr, double gradient_divisor = 1) {
    update(lr, gradient_divisor, weight_decay_,
           [](const auto& tensor) { return tensor.dim() > 1; });
    update(lr, gradient_divisor, 0, [](const auto& tensor) { return tensor.dim() <= 1; });
    for (auto& state : states_) state.tensor.mutable_grad().reset();
  }

 private:
  std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> gradients;
    for (const auto& state : states_)
      if (state.tensor.grad().defined()) gradients.push_back(state.tensor.grad());
    return gradients;
  }

  template <class Predicate>
  void update(double lr, double gradient_divisor, double weight_decay, Predicate&& of) {
    std::vector<at::Tensor> tensors, gradients, first, second, steps;
    for (const auto& state : states_) {
      if (!state.tensor.grad().defined() || !of(state.tensor)) continue;
      tensors.push_back(state.tensor.detach());
      gradients.push_back(state.tensor.grad());
      first.push_back(state.first_moment);
      second.push_back(state.second_moment);
      steps.push_back(state.steps);
    }
    if (tensors.empty()) return;
    at::_foreach_add_(steps, 1);
    const auto divisor = gradient_divisor == 1 ? std::optional<at::Tensor>()
                                               : at::full({}, gradient_divisor, steps[0].options());
    at::_fused_adamw_(tensors, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, lr,
                      /*beta1=*/0.9, /*beta2=*/0.999, weight_decay, /*eps=*/1e-8,
                      /*amsgrad=*/false, /*maximize=*/false, divisor);
  }

  std::vector<State> states_;
  double weight_decay_;
};

}  // namespace madx

#include "madx/train/adamw.h"

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <utility>

namespace madx {
namespace {

using ParameterGroup = torch::optim::OptimizerParamGroup;

const torch::optim::AdamWOptions& options_of(const ParameterGroup& group) {
  return static_cast<const torch::optim::AdamWOptions&>(group.options());
}

std::vector<at::Tensor> tensors_of_groups(const std::vector<ParameterGroup>& groups) {
  std::vector<at::Tensor> tensors;
  for (const auto& group : groups)
    tensors.insert(tensors.end(), group.params().begin(), group.params().end());
  return tensors;
}

std::vector<ParameterGroup> groups_of(const std::vector<at::Tensor>& tensors, double weight_decay,
                                      double lr) {
  std::vector<at::Tensor> matrices, others;
  for (const auto& tensor : tensors) (tensor.dim() > 1 ? matrices : others).push_back(tensor);
  std::vector<ParameterGroup> groups;
  const auto add = [&](const std::vector<at::Tensor>& of, double decay) {
    groups.emplace_back(of, std::make_unique<torch::optim::AdamWOptions>(
                                torch::optim::AdamWOptions(lr).weight_decay(decay)));
  };
  if (!matrices.empty() || others.empty()) add(matrices, weight_decay);
  if (!others.empty()) add(others, 0);
  return groups;
}

}  // namespace

AdamW::AdamW(const std::vector<at::Tensor>& tensors, double weight_decay, double lr)
    : AdamW(groups_of(tensors, weight_decay, lr),
            torch::optim::AdamWOptions(lr).weight_decay(weight_decay), tensors) {}

AdamW::AdamW(const Groups& groups, const torch::optim::AdamWOptions& defaults)
    : AdamW(groups, defaults, tensors_of_groups(groups)) {}

AdamW::AdamW(const Groups& groups, const torch::optim::AdamWOptions& defaults,
             const std::vector<at::Tensor>& tensors)
    : torch::optim::AdamW(groups, defaults) {
  for (const auto& group : param_groups_) {
    TORCH_CHECK(!options_of(group).amsgrad(), "AdamW: expected amsgrad to be false, which the ",
                "fused form is for, but it is true; use torch::optim::AdamW");
  }
  for (const auto& tensor : tensors) state_of(tensor);
}

double AdamW::gradient_norm() const {
  std::vector<at::Tensor> gradients;
  for (const auto& tensor : tensors_of_groups(param_groups_))
    if (tensor.grad().defined()) gradients.push_back(tensor.grad());
  if (gradients.empty()) return 0;
  return at::stack(at::_foreach_norm(gradients)).norm().item<double>();
}

at::Tensor AdamW::step(LossClosure closure) {
  at::Tensor loss;
  if (closure != nullptr) {
    const at::AutoGradMode grad(true);
    loss = closure();
  }
  for (auto& group : param_groups_) update(group, group.options().get_lr(), 1);
  return loss;
}

void AdamW::step_and_clear(double lr, double gradient_divisor) {
  for (auto& group : param_groups_) update(group, lr, gradient_divisor);
  for (auto& state : states_) state.tensor.mutable_grad().reset();
}

void AdamW::save(torch::serialize::OutputArchive& archive) const {
  count_steps();
  torch::optim::AdamW::save(archive);
}

void AdamW::load(torch::serialize::InputArchive& archive) {
  count_steps();
  torch::optim::AdamW::load(archive);
  for (const auto& tensor : tensors_of_groups(param_groups_)) {
    if (state_.count(tensor.unsafeGetTensorImpl()) == 0) continue;
    auto& state = state_of(tensor);
    state.first_moment = of(tensor).exp_avg();
    state.second_moment = of(tensor).exp_avg_sq();
    state.steps.fill_(of(tensor).step());
  }
}

AdamW::State& AdamW::state_of(const at::Tensor& tensor) {
  const auto [place, is_new] = index_.try_emplace(tensor.unsafeGetTensorImpl(), states_.size());
  if (is_new) {
    const auto plain = tensor.detach();
    states_.push_back({tensor, at::zeros_like(plain), at::zeros_like(plain),
                       at::zeros({}, plain.options().dtype(at::kFloat))});
    const auto& state = states_.back();
    auto kept = std::make_unique<torch::optim::AdamWParamState>();
    kept->exp_avg(state.first_moment).exp_avg_sq(state.second_moment);
    auto& place_there = state_[tensor.unsafeGetTensorImpl()];  // loaded already, perhaps
    if (!place_there) place_there = std::move(kept);
  }
  return states_[place->second];
}

void AdamW::count_steps() const {
  for (const auto& state : states_) of(state.tensor).step(state.steps.item<int64_t>());
}

torch::optim::AdamWParamState& AdamW::of(const at::Tensor& tensor) const {
  return static_cast<torch::optim::AdamWParamState&>(*state_.at(tensor.unsafeGetTensorImpl()));
}

void AdamW::update(const ParameterGroup& group, double lr, double gradient_divisor) {
  std::vector<at::Tensor> tensors, gradients, first, second, steps;
  for (const auto& tensor : group.params()) {
    if (!tensor.grad().defined()) continue;
    const auto& state = state_of(tensor);
    tensors.push_back(state.tensor.detach());
    gradients.push_back(tensor.grad());
    first.push_back(state.first_moment);
    second.push_back(state.second_moment);
    steps.push_back(state.steps);
  }
  if (tensors.empty()) return;
  const auto& options = options_of(group);
  const auto [beta1, beta2] = options.betas();
  at::_foreach_add_(steps, 1);
  const auto divisor = gradient_divisor == 1 ? std::optional<at::Tensor>()
                                             : at::full({}, gradient_divisor, steps[0].options());
  at::_fused_adamw_(tensors, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, lr, beta1,
                    beta2, options.weight_decay(), options.eps(), /*amsgrad=*/false,
                    /*maximize=*/false, divisor);
}

}  // namespace madx

#pragma once

#include <torch/nn/module.h>
#include <torch/utils.h>

#include <memory>
#include <optional>

namespace madx::detail {

/// A module made anew from its options, with the weights, dtype and mode of `module`; those of its
/// weights learn that learn there. Where two names share a tensor they share one in the copy too.
/// torch::nn::Cloneable keeps neither.
template <class Module, class Options>
std::shared_ptr<Module> rebuilt(const Module& module, const Options& options,
                                const std::optional<torch::Device>& device) {
  torch::NoGradGuard no_grad;
  auto copy = std::make_shared<Module>(options);
  const auto weights = module.named_parameters();
  for (auto& item : copy->named_parameters()) {
    const auto& weight = weights[item.key()];
    item.value().set_data(
        weight.to(device.value_or(weight.device()), /*non_blocking=*/false, /*copy=*/true));
    item.value().requires_grad_(weight.requires_grad());
  }
  copy->train(module.is_training());
  return copy;
}

}  // namespace madx::detail

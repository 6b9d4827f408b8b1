#include "madx/train/scheduled_unfreezing.h"

#include <algorithm>

#include "madx/core/error.h"

namespace madx {

ScheduledUnfreezing::ScheduledUnfreezing(
    const AdapterStack& adapters, const std::vector<std::pair<std::string, at::Tensor>>& trained,
    int64_t every)
    : every_(every) {
  if (every < 0) input_error("unfreeze_every: expected a number of at least 0, but found ", every);
  if (every == 0) return;
  for (auto layer = adapters->num_layers() - 1; layer >= 0; --layer) {
    std::vector<torch::nn::Module*> modules;
    for (const auto& name : adapters->names())
      for (const auto site : {Site::kAttentionOutput, Site::kOutput})
        modules.push_back(adapters->get(name)->at(layer, site));
    add_stage(modules, trained);
  }
  std::vector<torch::nn::Module*> invertible;
  for (const auto& name : adapters->names())
    invertible.push_back(adapters->get(name)->invertible());
  add_stage(invertible, trained);
  if (stages_.empty()) {
    input_error("unfreeze_every: expected an adapter that learns, of which a layer after the ",
                "other begins, but found none");
  }
}

void ScheduledUnfreezing::begin_step(int64_t step) {
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    const bool learns = step / every_ >= static_cast<int64_t>(stage);
    for (auto& tensor : stages_[stage]) tensor.requires_grad_(learns);
  }
}

void ScheduledUnfreezing::add_stage(
    const std::vector<torch::nn::Module*>& modules,
    const std::vector<std::pair<std::string, at::Tensor>>& trained) {
  std::vector<at::Tensor> tensors;
  for (auto* const module : modules) {
    if (module == nullptr) continue;
    for (const auto& tensor : module->parameters()) {
      const auto same = [&](const auto& entry) { return entry.second.is_same(tensor); };
      if (std::any_of(trained.begin(), trained.end(), same)) tensors.push_back(tensor);
    }
  }
  if (!tensors.empty()) stages_.push_back(std::move(tensors));
}

}  // namespace madx

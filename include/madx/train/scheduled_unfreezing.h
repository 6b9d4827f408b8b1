#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/core/error.h"

namespace madx {

/// Scheduled unfreezing of adapters (Liu, Pfeiffer, Vulić & Gurevych 2023, "FUN with Fisher"), from
/// the top (gradual unfreezing: Howard & Ruder 2018): the topmost layer's adapter learns from the
/// start, the next lower one from step `every` on, and so on. One that does not learn yet requires
/// no gradient: it stays as it is, AdamW counts no update of it, and layers below it have no
/// backward pass.
class ScheduledUnfreezing {
 public:
  /// Of `trained`, what belongs to adapters of the bank waits for its turn, an invertible adapter
  /// for the last one; all else (a head) learns from the start. `every` 0: all learns from the
  /// start. Throws InputError for `every` below 0, and above 0 where no adapter learns.
  ScheduledUnfreezing(const AdapterStack& adapters,
                      const std::vector<std::pair<std::string, at::Tensor>>& trained, int64_t every)
      : every_(every) {
    if (every < 0)
      input_error("unfreeze_every: expected a number of at least 0, but found ", every);
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

  /// How many layers' adapters (and invertible adapters) begin one after the other.
  int64_t stages() const { return static_cast<int64_t>(stages_.size()); }

  /// `step` steps are done: makes learn what learns in the next one.
  void begin_step(int64_t step) {
    for (size_t stage = 0; stage < stages_.size(); ++stage) {
      const bool learns = step / every_ >= static_cast<int64_t>(stage);
      for (auto& tensor : stages_[stage]) tensor.requires_grad_(learns);
    }
  }

 private:
  /// What learns of these modules, some of which are nullptr.
  void add_stage(const std::vector<torch::nn::Module*>& modules,
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

  int64_t every_;
  std::vector<std::vector<at::Tensor>> stages_;  // from the top
};

}  // namespace madx

#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

namespace madx::apps {

/// Writes what was learned as its average with what it started from (Wortsman et al. 2022, "Robust
/// fine-tuning of zero-shot models"), without a trace in what learns.
class AverageWithInit {
 public:
  /// Of `tensors` as they are now, before they learn and on their device. `weight` is that of the
  /// start, 0 for no average.
  AverageWithInit(const std::vector<std::pair<std::string, at::Tensor>>& tensors, double weight)
      : weight_(weight) {
    if (weight == 0) return;
    for (const auto& [name, tensor] : tensors) {
      learned_.push_back(tensor);
      initial_.push_back(tensor.detach().clone());
    }
  }

  /// Calls `write` while the tensors hold the average; they have what was learned again after it,
  /// also where it throws.
  template <typename Write>
  void during(const Write& write) const {
    const torch::NoGradGuard no_grad;
    const Restored restored(learned_);
    // Of copies, for one tensor may have two names.
    for (size_t i = 0; i < learned_.size(); ++i)
      learned_[i].copy_(restored.kept[i].lerp(initial_[i], weight_));
    write();
  }

 private:
  struct Restored {
    explicit Restored(const std::vector<at::Tensor>& tensors) : tensors(tensors) {
      for (const auto& tensor : tensors) kept.push_back(tensor.clone());
    }
    ~Restored() {
      for (size_t i = 0; i < tensors.size(); ++i) tensors[i].copy_(kept[i]);
    }
    Restored(const Restored&) = delete;
    Restored& operator=(const Restored&) = delete;

    const std::vector<at::Tensor>& tensors;
    std::vector<at::Tensor> kept;
  };

  double weight_;
  std::vector<at::Tensor> learned_, initial_;
};

}  // namespace madx::apps

#pragma once

#include <cstdint>

#include "train/named_tensors.h"

namespace madx::detail {

/// The mean of what the tensors that learn were after several steps. Sums are in double: what did
/// not change between the steps is its own mean, bit for bit.
class TensorAverage {
 public:
  /// Of the tensors after each `every` steps and after the last of `steps`; 0: of none.
  TensorAverage(int64_t every, int64_t steps) : every_(every), steps_(steps) {}

  bool on() const { return every_ > 0; }
  int64_t count() const { return count_; }
  const NamedTensors& sums() const { return sums_; }

  /// The tensors after `step` steps, which count or not.
  void take(const NamedTensors& tensors, int64_t step) {
    if (!counts(step)) return;
    start(tensors);
    for (size_t i = 0; i < tensors.size(); ++i) sums_[i].second.add_(tensors[i].second.detach());
    ++count_;
  }

  /// In double.
  NamedTensors mean() const {
    NamedTensors means;
    for (const auto& [name, sum] : sums_)
      means.emplace_back(name, sum / static_cast<double>(count_));
    return means;
  }

  /// As it was in `checkpoint`, of a run of `tensors`.
  void resume(const NamedTensors& tensors, const Checkpoint& checkpoint) {
    int64_t expected = 0;
    for (int64_t step = 1; on() && step <= checkpoint.step; ++step) expected += counts(step);
    if (checkpoint.averaged != expected) {
      input_error("the checkpoint: expected the sum of ", expected,
                  " steps for average_every = ", every_, ", but found one of ", checkpoint.averaged,
                  "; start anew without it");
    }
    if (expected == 0) return;
    start(tensors);
    restore(sums_, checkpoint.tensor_sums);
    count_ = checkpoint.averaged;
  }

 private:
  bool counts(int64_t step) const { return on() && (step % every_ == 0 || step == steps_); }
  void start(const NamedTensors& tensors) {
    if (!sums_.empty()) return;
    for (const auto& [name, tensor] : tensors)
      sums_.emplace_back(name, at::zeros_like(tensor.detach(), at::kDouble));
  }

  int64_t every_, steps_;
  NamedTensors sums_;
  int64_t count_ = 0;
};

}  // namespace madx::detail

#pragma once

#include <cstdint>

#include "madx/train/checkpoint.h"
#include "madx/train/rank_group.h"

namespace madx::detail {

/// Gradients summed over ranks, all of them in one message.
class GradientSum {
 public:
  GradientSum(NamedTensors tensors, RankGroup& ranks);

  /// The tensors' gradients become their sums; one that any rank has, every rank has then, and one
  /// that none has stays undefined. Returns the sum of the ranks' losses.
  double operator()(double loss);

 private:
  NamedTensors tensors_;
  RankGroup& ranks_;
  at::Tensor report_;  // on the CPU: for each tensor 1 where there was a gradient, and the loss
  at::Tensor buffer_;  // where the tensors are: gradients end to end, and the report
  int64_t gradients_ = 0;
};

/// Rank 0's tensors in place of the other ranks'.
void broadcast_all(const NamedTensors& tensors, RankGroup& ranks);

/// Throws MachineError, on every rank, where the tensors are not the same bits on all of them.
void require_alike(const NamedTensors& tensors, RankGroup& ranks, int64_t step);

}  // namespace madx::detail

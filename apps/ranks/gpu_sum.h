#pragma once

#include <ATen/ATen.h>

#include <memory>

namespace madx::apps {

class ProcessGroup;

/// Sums over ranks of values that lie on GPUs, a GPU a rank.
class GpuSum {
 public:
  virtual ~GpuSum() = default;

  /// The sum over the ranks in place of each rank's values: float32, float64 or int64, dense, of
  /// one shape everywhere. It is there when the call returns. Throws RankFailed, MachineError.
  virtual void operator()(const at::Tensor& values) = 0;
};

/// By NCCL, which begins with the first sum: rank 0 makes the group's id and the others get it over
/// `group`. nullptr in a build without it.
std::unique_ptr<GpuSum> make_gpu_sum(ProcessGroup& group);

}  // namespace madx::apps

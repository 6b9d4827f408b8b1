#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace madx {

/// Processes that train one task together: rank 0 to count() - 1, this one of them. Every rank
/// makes the same calls in the same order, and a call waits for the others'. Where a rank is lost
/// or has failed, a call throws.
class RankGroup {
 public:
  virtual ~RankGroup() = default;

  /// Of this process.
  virtual int rank() const { return 0; }
  virtual int count() const { return 1; }        ///< processes
  bool is_first() const { return rank() == 0; }  ///< the one that writes
  /// Which of the ranks on its host this one is, from 0.
  virtual int place_on_host() const { return 0; }

  /// Whether `sum` takes values on GPUs, a GPU a rank.
  virtual bool sums_on_gpus() const { return true; }
  /// The sum over the ranks in place of each rank's values: float32, float64 or int64, dense, of
  /// one shape everywhere, on every rank's CPU or on every rank's GPU. All ranks get the same bits.
  virtual void sum(const at::Tensor& values) {}
  /// Rank 0's values in place of the others': of any type, on the CPU, dense.
  virtual void broadcast(const at::Tensor& values) {}
  /// The largest of the ranks' values.
  virtual int64_t largest(int64_t value) { return value; }
};

/// The group of a process that trains alone.
inline RankGroup& one_process() {
  static RankGroup alone;
  return alone;
}

}  // namespace madx

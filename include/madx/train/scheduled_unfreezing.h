#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/adapter_stack.h"

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
                      const std::vector<std::pair<std::string, at::Tensor>>& trained,
                      int64_t every);

  /// How many layers' adapters (and invertible adapters) begin one after the other.
  int64_t stages() const { return static_cast<int64_t>(stages_.size()); }

  /// `step` steps are done: makes learn what learns in the next one.
  void begin_step(int64_t step);

 private:
  /// What learns of these modules, some of which are nullptr.
  void add_stage(const std::vector<torch::nn::Module*>& modules,
                 const std::vector<std::pair<std::string, at::Tensor>>& trained);

  int64_t every_;
  std::vector<std::vector<at::Tensor>> stages_;  // from the top
};

}  // namespace madx

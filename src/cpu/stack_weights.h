#pragma once

#include <vector>

#include "cpu/site_groups.h"

namespace madx::cpu {

/// The weights of one group's stack at a time, as products read them: panels that all threads make
/// and share, in memory that the next group's stack takes over.
template <class Products>
class StackWeights {
 public:
  using Weight = typename Products::Weight;
  struct Adapter {
    Weight down, up;
  };

  /// Forward h D^T and z U^T, backward y U and z D.
  enum class Pass { kForward, kBackward };

  StackWeights(const SiteProblem& problem, const SiteGroups& groups, Pass pass)
      : problem_(problem), pass_(pass) {
    size_t deepest = 0;
    for (size_t group = 0; group < groups.count(); ++group)
      deepest = std::max(deepest, groups[group].adapters.size());
    slots_.resize(deepest);
  }

  /// Called by all threads of a parallel region, none of which still reads the stack before.
  void take(const SiteGroup& group) {
#pragma omp single
    for (size_t step = 0; step < group.adapters.size(); ++step)
      set(slots_[step], group.adapters[step]);
    for (size_t step = 0; step < group.adapters.size(); ++step) {
      if (!slots_[step].is_new) continue;
      make_panels(slots_[step].weights.down);
      make_panels(slots_[step].weights.up);
    }
#pragma omp barrier
  }

  const Adapter& operator[](size_t step) const { return slots_[step].weights; }

 private:
  struct Slot {
    Adapter weights;
    size_t adapter = 0;
    bool is_set = false, is_new = false;
  };

  void set(Slot& slot, size_t index) {
    slot.is_new = !slot.is_set || slot.adapter != index;
    slot.is_set = true;
    slot.adapter = index;
    const auto& adapter = problem_.adapters[index];
    const auto hidden = problem_.hidden, bottleneck = adapter.bottleneck;
    if (!slot.is_new) return;
    if (pass_ == Pass::kForward) {
      slot.weights.down.set_transposed(adapter.down, bottleneck, hidden);
      slot.weights.up.set_transposed(adapter.up, hidden, bottleneck);
    } else {
      slot.weights.down.set_dense(adapter.down, bottleneck, hidden);
      slot.weights.up.set_dense(adapter.up, hidden, bottleneck);
    }
  }

  static void make_panels(Weight& weight) {
#pragma omp for schedule(static) nowait
    for (int64_t panel = 0; panel < weight.panels(); ++panel) weight.make(panel);
  }

  const SiteProblem& problem_;
  Pass pass_;
  std::vector<Slot> slots_;
};

}  // namespace madx::cpu

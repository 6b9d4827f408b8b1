#pragma once

#include <type_traits>
#include <vector>

#include "cpu/float_products.h"
#include "cpu/site_groups.h"

namespace madx::cpu {

/// The weights of one group's stack at a time, as products read them. Where that is panels, all
/// threads make and share them, in memory that the next group's stack takes over; else each thread
/// has its own view of the weights, and waits for no other one.
template <class Products>
class StackWeights {
 public:
  using Weight = typename Products::Weight;
  /// What a thread of a parallel region has, of the one that is made before it.
  using Mine = std::conditional_t<Weight::kHasPanels, StackWeights&, StackWeights>;
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

  /// Called by all threads of a parallel region.
  void take(const SiteGroup& group) {
    if constexpr (Weight::kHasPanels) {
      take_panels(group);
    } else {
      set(group);
    }
  }

  const Adapter& operator[](size_t step) const { return slots_[step].weights; }

 private:
  struct Slot {
    Adapter weights;
    size_t adapter = 0;
    bool is_set = false, is_new = false;
  };

  void take_panels(const SiteGroup& group) {
#pragma omp barrier  // some may still read the stack before
#pragma omp single
    set(group);
    for (size_t step = 0; step < group.adapters.size(); ++step) {
      if (!slots_[step].is_new) continue;
      make_panels(slots_[step].weights.down);
      make_panels(slots_[step].weights.up);
    }
#pragma omp barrier
  }

  void set(const SiteGroup& group) {
    for (size_t step = 0; step < group.adapters.size(); ++step)
      set(slots_[step], group.adapters[step]);
  }

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

  const SiteProblem& problem_;
  Pass pass_;
  std::vector<Slot> slots_;
};

}  // namespace madx::cpu

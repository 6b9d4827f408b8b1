#pragma once

#include <algorithm>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/products.h"
#include "cpu/site_groups.h"

namespace madx::cpu::MADX_CAPABILITY {

/// The weights of one group's stack at a time, as products read them. Where that is panels, threads
/// make and share them, in memory that the next group's stack takes over; else each thread has its
/// own view of the weights.
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

  /// Takes the weights of this group's stack.
  void take(const IndexedSiteGroup& group) {
    for (size_t step = 0; step < group.adapters.size(); ++step)
      set(slots_[step], group.adapters[step]);
  }

  /// The panels of what `take` took anew.
  void make_panels(const IndexedSiteGroup& group, int threads) {
    std::vector<Weight*> fresh;
    for (size_t step = 0; step < group.adapters.size(); ++step) {
      auto& slot = slots_[step];
      if (slot.is_new) fresh.insert(fresh.end(), {&slot.weights.down, &slot.weights.up});
    }
    MADX_CAPABILITY::make_panels<Products>(fresh, threads);
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

  const SiteProblem& problem_;
  Pass pass_;
  std::vector<Slot> slots_;
};

/// Calls run(thread, mine, weights, group), `mine` made by make() on each thread, for all groups on
/// `threads` threads. Where threads share a stack's panels, each group is a region of its own.
template <class Products, class Make, class Run>
void for_each_stack(const SiteProblem& problem, const SiteGroups& groups,
                    typename StackWeights<Products>::Pass pass, Make&& make, Run&& run) {
  StackWeights<Products> weights(problem, groups, pass);
  if constexpr (StackWeights<Products>::Weight::kHasPanels) {
    for (size_t group = 0; group < groups.count(); ++group) {
      weights.take(groups[group]);
      weights.make_panels(groups[group], groups.threads());
      parallel(groups.threads(), [&](Thread thread) {
        auto mine = make();
        run(thread, mine, weights, group);
      });
    }
  } else {
    parallel(groups.threads(), [&](Thread thread) {
      auto mine = make();
      auto own = weights;
      for (size_t group = 0; group < groups.count(); ++group) {
        own.take(groups[group]);
        run(thread, mine, own, group);
      }
    });
  }
}

}  // namespace madx::cpu::MADX_CAPABILITY

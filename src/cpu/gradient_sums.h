#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/site_tile.h"

namespace madx::cpu::MADX_CAPABILITY {

/// Sums of gradients of one thread; the first thread sums in the output itself.
class GradientSums {
 public:
  GradientSums(const SiteProblem& problem, const std::vector<SiteAdapterGradient>& outputs,
               int threads)
      : sums_(static_cast<size_t>(threads), outputs) {
    for (size_t index = 0; index < outputs.size(); ++index) {
      if (outputs[index].down == nullptr) continue;
      const auto bottleneck = problem.adapters[index].bottleneck;
      const auto weight = problem.hidden * bottleneck;
      for (const auto& [member, size] :
           {std::pair{&SiteAdapterGradient::down, weight},
            std::pair{&SiteAdapterGradient::up, weight},
            std::pair{&SiteAdapterGradient::down_bias, bottleneck},
            std::pair{&SiteAdapterGradient::up_bias, problem.hidden}}) {
        std::fill_n(outputs[index].*member, size, 0.0f);
        for (size_t thread = 1; thread < sums_.size(); ++thread) {
          memory_.push_back(std::make_unique<Scratch>(size));
          sums_[thread][index].*member = memory_.back()->data();
        }
        parts_.push_back({index, member, size});
      }
    }
  }

  const std::vector<SiteAdapterGradient>& of(int thread) const {
    return sums_[static_cast<size_t>(thread)];
  }

  /// Adds all threads' sums into the first one's.
  void add_up() const {
    if (sums_.size() < 2 || parts_.empty()) return;
    constexpr int64_t kBlock = 4096;
    parallel(static_cast<int>(sums_.size()), [&](Thread mine) {
      for (const auto& part : parts_) {
        for_each_of_block(mine, (part.size + kBlock - 1) / kBlock, [&](int64_t block) {
          const auto begin = block * kBlock;
          for (size_t thread = 1; thread < sums_.size(); ++thread) {
            add_to(sums_[0][part.adapter].*part.member + begin,
                   sums_[thread][part.adapter].*part.member + begin,
                   std::min(kBlock, part.size - begin));
          }
        });
      }
    });
  }

 private:
  struct Part {
    size_t adapter;
    float* SiteAdapterGradient::*member;
    int64_t size;
  };
  std::vector<std::vector<SiteAdapterGradient>> sums_;  // by thread and adapter
  std::vector<std::unique_ptr<Scratch>> memory_;
  std::vector<Part> parts_;
};

}  // namespace madx::cpu::MADX_CAPABILITY

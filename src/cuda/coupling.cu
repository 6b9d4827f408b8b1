#include <algorithm>

#include "cuda/coupling.cuh"
#include "cuda/launch.cuh"
#include "madx/cuda/coupling.h"

namespace madx::cuda {
namespace {

template <class T>
CouplingStep<T> step(const CouplingNet& net, int64_t source_columns) {
  return {static_cast<const T*>(net.down),
          static_cast<const T*>(net.down_bias),
          static_cast<const T*>(net.up),
          static_cast<const T*>(net.up_bias),
          static_cast<const T*>(net.z),
          static_cast<T*>(net.kept),
          static_cast<int>(net.bottleneck),
          whole_words<T>(source_columns, net.down),
          whole_words<T>(net.bottleneck, net.up, net.z, net.kept)};
}

template <class T>
void run(const CouplingProblem& problem, void* stream) {
  const auto hidden = static_cast<int>(problem.hidden), low = hidden / 2, high = hidden - low;
  const bool words = whole_words<T>(hidden, problem.x, problem.out) && low % kColumns == 0;
  const int first = problem.low_first ? 0 : 1;
  Coupling<T> params{{static_cast<const T*>(problem.x), hidden, hidden, words},
                     {static_cast<T*>(problem.out), hidden, hidden, words},
                     {},
                     {},
                     static_cast<float>(problem.sign),
                     problem.backward,
                     {}};
  for (const int index : {0, 1}) {
    const bool is_low = index == first;
    params.first_column[index] = is_low ? 0 : low;
    params.columns[index] = is_low ? low : high;
  }
  int64_t bottleneck = 0;
  for (const auto& group : problem.groups)
    bottleneck = std::max({bottleneck, group.first.bottleneck, group.second.bottleneck});
  const auto fill = [&](size_t index, auto& group) {
    group.levels = 2;
    group.adapters[0] = step<T>(problem.groups[index].first, params.columns[1]);
    group.adapters[1] = step<T>(problem.groups[index].second, params.columns[0]);
  };
  const int tile = choose_rows<T>(high, bottleneck, problem.rows);
  with_rows<T>(tile, [&](auto rows) {
    launch_groups(params, problem, tile, fill, [&](int64_t blocks) {
      launch(couple_rows<T, decltype(rows)::value>, blocks, tile * row_bytes<T>(high, bottleneck),
             stream, params);
    });
  });
}

}  // namespace

void coupling(const CouplingProblem& problem, void* stream) {
  if (problem.rows == 0) return;
  with_type(problem.type, [&](auto element) { run<decltype(element)>(problem, stream); });
}

}  // namespace madx::cuda

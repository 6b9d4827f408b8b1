#include <algorithm>

#include "cuda/launch.cuh"
#include "cuda/site_backward.cuh"
#include "cuda/site_forward.cuh"
#include "madx/cuda/adapter_site.h"

namespace madx::cuda {
namespace {

static_assert(kSiteAdapters == kDeepestStack, "a launch takes the stacks that callers are told of");

/// An adapter's z, which is written where there will be a backward pass.
template <class T>
T* kept_z(const SiteKept& kept, size_t group, size_t level) {
  return kept.z.empty() ? nullptr : static_cast<T*>(kept.z[group][level]);
}

/// As cpu::Dropout.
DropoutScale dropout_scale(double p, uint64_t seed) {
  const auto threshold = dropout_threshold(p);
  return {seed, threshold, dropout_factor(threshold)};
}

/// Rows of an array shaped like f.
template <class T, class Pointer>
Rows<T> like_f(const SiteProblem& problem, Pointer* data, bool words) {
  return {static_cast<T*>(data), problem.hidden, static_cast<int>(problem.hidden), words};
}

template <class T>
Norm<T> norm(const SiteProblem& problem) {
  const bool words = whole_words<T>(problem.hidden, problem.norm_weight, problem.norm_bias);
  return {like_f<const T>(problem, problem.norm_weight, words),
          like_f<const T>(problem, problem.norm_bias, words), static_cast<float>(problem.norm_eps)};
}

template <class T>
void forward(const SiteProblem& problem, const SiteKept& kept, void* out, void* stream) {
  const auto hidden = problem.hidden;
  bool words = whole_words<T>(hidden, problem.f, problem.a, out);
  for (const auto* y : kept.y) words = words && whole_words<T>(hidden, y);
  SiteForward<T> site{like_f<const T>(problem, problem.f, words),
                      like_f<const T>(problem, problem.a, words),
                      norm<T>(problem),
                      {},
                      kept.statistics,
                      problem.rows,
                      like_f<T>(problem, out, words),
                      dropout_scale(problem.dropout, problem.seed),
                      static_cast<int>(hidden),
                      {}};
  for (size_t level = 0; level < kept.y.size(); ++level)
    site.y[level] = static_cast<T*>(kept.y[level]);
  const auto fill = [&](size_t index, auto& group) {
    const auto& adapters = problem.groups[index].adapters;
    group.levels = static_cast<int>(adapters.size());
    for (size_t level = 0; level < adapters.size(); ++level) {
      const auto& from = problem.adapters[adapters[level]];
      auto* z = kept_z<T>(kept, index, level);
      group.adapters[level] = {static_cast<const T*>(from.down),
                               static_cast<const T*>(from.down_bias),
                               static_cast<const T*>(from.up),
                               static_cast<const T*>(from.up_bias),
                               z,
                               static_cast<int>(from.bottleneck),
                               whole_words<T>(hidden, from.down),
                               whole_words<T>(from.bottleneck, from.up, z)};
    }
  };
  const auto bottleneck = widest_bottleneck(problem);
  const int tile = choose_rows<T>(hidden, bottleneck, problem.rows);
  with_rows<T>(tile, [&](auto rows) {
    launch_groups(site, problem, tile, fill, [&](int64_t blocks) {
      launch(site_forward<T, decltype(rows)::value>, blocks,
             tile * row_bytes<T>(hidden, bottleneck), stream, site);
    });
  });
}

template <class T>
void backward(const SiteProblem& problem, const SiteKept& kept, const void* out_gradient,
              const SiteGradients& gradients, void* stream) {
  const auto hidden = problem.hidden;
  bool words = whole_words<T>(hidden, problem.f, problem.a, out_gradient, gradients.f_gradient);
  for (const auto* buffers : {&kept.y, &gradients.sums, &gradients.h})
    for (const auto* buffer : *buffers) words = words && whole_words<T>(hidden, buffer);
  SiteBackward<T> site{like_f<const T>(problem, problem.f, words),
                       like_f<const T>(problem, problem.a, words),
                       like_f<const T>(problem, out_gradient, words),
                       norm<T>(problem),
                       {},
                       kept.statistics,
                       problem.rows,
                       {},
                       {},
                       static_cast<T*>(gradients.f_gradient),
                       dropout_scale(problem.dropout, problem.seed),
                       static_cast<int>(hidden),
                       {}};
  for (size_t level = 0; level < gradients.sums.size(); ++level)
    site.sums[level] = static_cast<T*>(gradients.sums[level]);
  for (size_t level = 0; level < kept.y.size(); ++level) {
    site.y[level] = static_cast<const T*>(kept.y[level]);
    site.h[level] = static_cast<T*>(gradients.h[level]);
  }
  const auto fill = [&](size_t index, auto& group) {
    const auto& adapters = problem.groups[index].adapters;
    group.levels = static_cast<int>(adapters.size());
    group.lowest = site.sums[0] != nullptr ? 0 : group.levels;
    for (size_t level = 0; level < adapters.size(); ++level) {
      const auto bottleneck = problem.adapters[adapters[level]].bottleneck;
      const auto* z = kept_z<const T>(kept, index, level);
      const auto& also = gradients.adapters[index][level];
      group.adapters[level] = {
          static_cast<const T*>(also.up_transposed),
          static_cast<const T*>(also.down_transposed),
          z,
          static_cast<T*>(also.z_gradient),
          static_cast<int>(bottleneck),
          whole_words<T>(hidden, also.up_transposed),
          whole_words<T>(bottleneck, also.down_transposed, z, also.z_gradient)};
      if (also.z_gradient != nullptr)
        group.lowest = std::min(group.lowest, static_cast<int>(level));
    }
  };
  const auto bottleneck = widest_bottleneck(problem);
  const int tile = choose_rows<T>(hidden, bottleneck, problem.rows);
  with_rows<T>(tile, [&](auto rows) {
    launch_groups(site, problem, tile, fill, [&](int64_t blocks) {
      launch(site_backward<T, decltype(rows)::value>, blocks,
             tile * row_bytes<T>(hidden, bottleneck), stream, site);
    });
  });
}

}  // namespace

void adapter_site_forward(const SiteProblem& problem, const SiteKept& kept, void* out,
                          void* stream) {
  if (problem.rows == 0) return;
  with_type(problem.type,
            [&](auto element) { forward<decltype(element)>(problem, kept, out, stream); });
}

void adapter_site_backward(const SiteProblem& problem, const SiteKept& kept,
                           const void* out_gradient, const SiteGradients& gradients, void* stream) {
  if (problem.rows == 0) return;
  with_type(problem.type, [&](auto element) {
    backward<decltype(element)>(problem, kept, out_gradient, gradients, stream);
  });
}

}  // namespace madx::cuda

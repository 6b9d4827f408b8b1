#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

// A site as kernels take it: one form for the CPU and CUDA, which operators fill in.
namespace madx {

/// Rows [first, first + rows) that go through one stack of adapters at a site: indices into the
/// adapters of the problem, bottom first.
struct IndexedSiteGroup {
  int64_t first = 0;                  ///< row
  int64_t rows = 0;                   ///< how many
  std::vector<size_t> adapters = {};  ///< indices, bottom first
};

/// Weights of one adapter at a site, row-major, dense. T: float, or void where the problem says the
/// type.
template <class T>
struct SiteWeights {
  const T* down = nullptr;       ///< (bottleneck, hidden)
  const T* down_bias = nullptr;  ///< (bottleneck)
  const T* up = nullptr;         ///< (hidden, bottleneck)
  const T* up_bias = nullptr;    ///< (hidden)
  int64_t bottleneck = 0;        ///< size inside the adapter
};

/// A site and the stacks at it; see ops/adapter_site.h for the equation.
template <class T>
struct SiteProblem {
  const T* f = nullptr;            ///< (rows, hidden): output of the sub-layer, before its dropout
  const T* a = nullptr;            ///< (rows, hidden): what entered the block
  const T* norm_weight = nullptr;  ///< (hidden)
  const T* norm_bias = nullptr;    ///< (hidden)
  double norm_eps = 1e-5;          ///< of the LayerNorm
  int64_t rows = 0;                ///< tokens
  int64_t hidden = 0;              ///< hidden size
  double dropout = 0;  ///< of f; 0 turns it off. The same elements on every device for one seed
  uint64_t seed = 0;   ///< of the dropout
  /// (rows): what the dropout is drawn by, on the CPU; null: 0, 1, 2, ...
  const int64_t* row_numbers = nullptr;
  std::vector<SiteWeights<T>> adapters = {};  ///< which groups point to
  /// In order of rows, all of them; an adapter may be in several.
  std::vector<IndexedSiteGroup> groups = {};
};

/// The largest size inside an adapter of the site; 0 without adapters.
template <class T>
int64_t widest_bottleneck(const SiteProblem<T>& problem) {
  int64_t widest = 0;
  for (const auto& adapter : problem.adapters) widest = std::max(widest, adapter.bottleneck);
  return widest;
}

}  // namespace madx

// An adapter site, a tile of rows at a time. All products of a tile's stack run while the tile is
// in cache: what plain tensor operations pass through memory some fifteen times is read and written
// once. Tiles are independent.
#include <omp.h>

#include "cpu/panel_product.h"
#include "cpu/site_groups.h"

namespace madx::cpu {
namespace {

/// An adapter's weights as the forward products read them.
struct ForwardWeights {
  ForwardWeights(const SiteAdapter& adapter, int64_t hidden)
      : weights(adapter), down(adapter.bottleneck, hidden), up(hidden, adapter.bottleneck) {}

  /// Called by all threads of a parallel region: ends when all panels are filled.
  void transpose() {
#pragma omp for schedule(static)
    for (int64_t panel = 0; panel < down.panels() + up.panels(); ++panel) {
      if (panel < down.panels()) {
        down.fill(panel, weights.down);
      } else {
        up.fill(panel - down.panels(), weights.up);
      }
    }
  }

  SiteAdapter weights;
  TransposedPanels down, up;
};

/// One adapter of one group's stack.
struct ForwardStep {
  ForwardStep(const ForwardWeights& adapter_, int64_t hidden, int64_t tile)
      : adapter(adapter_),
        down(PanelProduct::packed(tile, adapter_.weights.bottleneck, hidden, /*accumulate=*/false)),
        up(PanelProduct::packed(tile, hidden, adapter_.weights.bottleneck, /*accumulate=*/true)) {}

  const ForwardWeights& adapter;
  PanelProduct down, up;
};

/// z = relu(z + bias)
void bias_and_relu(float* z, const float* bias, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; ++row) {
    float* const z_row = z + row * size;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) z_row[i] = std::max(z_row[i] + bias[i], 0.0f);
  }
}

/// `steps` and `kept` (null where nothing is) are the tile's group's.
void forward_tile(const SiteProblem& problem, const SiteRows& site, const SiteGroup& group,
                  const SiteGroups::Tile& tile, const ForwardStep* steps,
                  const SiteAdapterKept* kept, TileScratch& scratch, float* out) {
  const auto hidden = problem.hidden, first = tile.first, rows = tile.rows;
  const auto first_of_group = first - group.first;
  float *const y = scratch.y.data(), *const h = scratch.h.data(), *const z = scratch.z.data();
  for (int64_t row = 0; row < rows; ++row)
    site.drop(first + row, problem.f + (first + row) * hidden, scratch.factors.data(),
              y + row * hidden);
  for (size_t index = 0; index < group.adapters.size(); ++index) {
    const auto& step = steps[index];
    const auto& weights = step.adapter.weights;
    for (int64_t row = 0; row < rows; ++row) {
      site.add_a(first + row, y + row * hidden, h + row * hidden);
      site.norm().forward(h + row * hidden, h + row * hidden);
      add_to(y + row * hidden, weights.up_bias, hidden);
    }
    step.down(h, step.adapter.down.data(), z);
    bias_and_relu(z, weights.down_bias, rows, weights.bottleneck);
    step.up(z, step.adapter.up.data(), y);
    if (kept == nullptr) continue;
    std::copy_n(z, rows * weights.bottleneck, kept[index].z + first_of_group * weights.bottleneck);
    std::copy_n(y, rows * hidden, kept[index].y + first_of_group * hidden);
  }
  for (int64_t row = 0; row < rows; ++row) {
    float* const out_row = out + (first + row) * hidden;
    site.add_a(first + row, y + row * hidden, out_row);
    site.norm().forward(out_row, out_row);
  }
}

}  // namespace

void adapter_site_forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                          int threads, float* out) {
  if (problem.rows == 0) return;
  const SiteGroups groups(problem, threads);
  const SiteRows site(problem);
  std::vector<ForwardWeights> weights;
  weights.reserve(problem.adapters.size());
  for (const auto& adapter : problem.adapters) weights.emplace_back(adapter, problem.hidden);
  std::vector<ForwardStep> steps;
  for (size_t group = 0; group < groups.count(); ++group) {
    for (const auto adapter : groups[group].adapters)
      steps.emplace_back(weights[adapter], problem.hidden, groups.tile_size(group));
  }
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < groups.threads(); ++thread)
    scratch.emplace_back(problem, groups.largest_tile());
  const auto tiles = static_cast<int64_t>(groups.tiles().size());
#pragma omp parallel num_threads(groups.threads())
  {
    for (auto& adapter : weights) adapter.transpose();
#pragma omp for schedule(static, 1)
    for (int64_t index = 0; index < tiles; ++index) {
      const auto& tile = groups.tiles()[static_cast<size_t>(index)];
      const auto first_step = groups.first_step(tile.group);
      forward_tile(problem, site, groups[tile.group], tile, steps.data() + first_step,
                   kept.empty() ? nullptr : kept.data() + first_step,
                   scratch[static_cast<size_t>(omp_get_thread_num())], out);
    }
  }
}

}  // namespace madx::cpu

// An adapter site, a tile of rows at a time. All products of a tile's stack run while the tile is
// in cache: what plain tensor operations pass through memory some fifteen times is read and written
// once. Tiles are independent.
#include <omp.h>

#include "cpu/panel_product.h"
#include "cpu/row_tiles.h"
#include "cpu/site_tile.h"

namespace madx::cpu {
namespace {

/// The products of one adapter's forward pass.
struct ForwardProducts {
  ForwardProducts(const SiteAdapter& adapter, int64_t hidden, int64_t tile)
      : weights(adapter),
        down_panels(adapter.bottleneck, hidden),
        up_panels(hidden, adapter.bottleneck),
        down(PanelProduct::packed(tile, adapter.bottleneck, hidden, /*accumulate=*/false)),
        up(PanelProduct::packed(tile, hidden, adapter.bottleneck, /*accumulate=*/true)) {}

  /// Called by all threads of a parallel region: ends when all panels are filled.
  void transpose_weights() {
#pragma omp for schedule(static)
    for (int64_t panel = 0; panel < down_panels.panels() + up_panels.panels(); ++panel) {
      if (panel < down_panels.panels()) {
        down_panels.fill(panel, weights.down);
      } else {
        up_panels.fill(panel - down_panels.panels(), weights.up);
      }
    }
  }

  SiteAdapter weights;
  TransposedPanels down_panels, up_panels;
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

void forward_tile(const SiteProblem& problem, const SiteRows& site,
                  const std::vector<ForwardProducts>& adapters,
                  const std::vector<SiteAdapterKept>& kept, int64_t first, int64_t rows,
                  TileScratch& scratch, float* out) {
  const auto hidden = problem.hidden;
  float *const y = scratch.y.data(), *const h = scratch.h.data(), *const z = scratch.z.data();
  for (int64_t row = 0; row < rows; ++row)
    site.drop(first + row, problem.f + (first + row) * hidden, scratch.factors.data(),
              y + row * hidden);
  for (size_t index = 0; index < adapters.size(); ++index) {
    const auto& adapter = adapters[index];
    const auto bottleneck = adapter.weights.bottleneck;
    for (int64_t row = 0; row < rows; ++row) {
      site.add_a(first + row, y + row * hidden, h + row * hidden);
      site.norm().forward(h + row * hidden, h + row * hidden);
      add_to(y + row * hidden, adapter.weights.up_bias, hidden);
    }
    adapter.down(h, adapter.down_panels.data(), z);
    bias_and_relu(z, adapter.weights.down_bias, rows, bottleneck);
    adapter.up(z, adapter.up_panels.data(), y);
    if (kept.empty()) continue;
    std::copy_n(z, rows * bottleneck, kept[index].z + first * bottleneck);
    std::copy_n(y, rows * hidden, kept[index].y + first * hidden);
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
  const RowTiles tiles(problem.rows, threads, kLargestSiteTile, kSiteGranule);
  const SiteRows site(problem);
  std::vector<ForwardProducts> adapters;
  for (const auto& adapter : problem.adapters)
    adapters.emplace_back(adapter, problem.hidden, tiles.size());
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < tiles.threads(); ++thread)
    scratch.emplace_back(problem, tiles.size());
#pragma omp parallel num_threads(tiles.threads())
  {
    for (auto& adapter : adapters) adapter.transpose_weights();
#pragma omp for schedule(static, 1)
    for (int64_t tile = 0; tile < tiles.count(); ++tile) {
      forward_tile(problem, site, adapters, kept, tiles.first(tile), tiles.rows_of(tile),
                   scratch[static_cast<size_t>(omp_get_thread_num())], out);
    }
  }
}

}  // namespace madx::cpu

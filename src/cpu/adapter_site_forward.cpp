// An adapter site, a tile of rows at a time. All products of a tile's stack run while the tile is
// in cache: what plain tensor operations pass through memory some fifteen times is read and written
// once. Tiles are independent.
#include <omp.h>

#include "cpu/float_products.h"
#include "cpu/site_groups.h"
#include "cpu/stack_weights.h"

namespace madx::cpu {
namespace {

/// What a thread has for itself.
template <class Products>
struct ForwardThread {
  ForwardThread(const SiteProblem& problem, int64_t tile)
      : scratch(problem, tile), h(tile, problem.hidden), z(tile, widest_bottleneck(problem)) {}
  Products products;
  TileScratch scratch;
  typename Products::Rows h, z;
};

/// z = relu(z + bias)
void bias_and_relu(float* z, const float* bias, int64_t rows, int64_t size) {
  for (int64_t row = 0; row < rows; ++row) {
    float* const z_row = z + row * size;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) z_row[i] = std::max(z_row[i] + bias[i], 0.0f);
  }
}

/// `kept` (null where nothing is) is the tile's group's.
template <class Products>
void forward_tile(const SiteProblem& problem, const SiteRows& site, const SiteGroup& group,
                  const SiteGroups::Tile& tile, const StackWeights<Products>& stack,
                  const SiteAdapterKept* kept, ForwardThread<Products>& mine, float* out) {
  const auto hidden = problem.hidden, first = tile.first, rows = tile.rows, size = tile.size;
  const auto first_of_group = first - group.first;
  auto& scratch = mine.scratch;
  float *const y = scratch.y.data(), *const h = scratch.h.data(), *const z = scratch.z.data();
  const auto dropped = [&](int64_t row) {
    return site.dropped(first + row, scratch.factors.data(), y + row * hidden);
  };
  for (size_t index = 0; index < group.adapters.size(); ++index) {
    const auto& weights = problem.adapters[group.adapters[index]];
    for (int64_t block = 0; block < size; block += Products::kRowBlock) {
      const auto end = std::min(block + Products::kRowBlock, size);
      for (int64_t row = block; row < std::min(end, rows); ++row) {
        const float* const below = index == 0 ? dropped(row) : y + row * hidden;
        site.enter(first + row, below, weights.up_bias, h + (row - block) * hidden,
                   y + row * hidden);
      }
      mine.h.load_block(block, h, hidden, end - block, hidden);
    }
    mine.products.times(mine.h, size, stack[index].down, z, /*accumulate=*/false);
    bias_and_relu(z, weights.down_bias, rows, weights.bottleneck);
    mine.z.load(z, weights.bottleneck, size, weights.bottleneck);
    mine.products.times(mine.z, size, stack[index].up, y, /*accumulate=*/true);
    if (kept == nullptr) continue;
    std::copy_n(z, rows * weights.bottleneck, kept[index].z + first_of_group * weights.bottleneck);
    std::copy_n(y, rows * hidden, kept[index].y + first_of_group * hidden);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const float* const below = group.adapters.empty() ? dropped(row) : y + row * hidden;
    float* const out_row = out + (first + row) * hidden;
    site.add_a(first + row, below, out_row);
    site.norm().forward(out_row, out_row);
  }
}

template <class Products>
void forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept, int threads,
             float* out) {
  const SiteGroups groups(problem, threads, Products::kSiteRows, Products::kSiteGranule);
  const SiteRows site(problem);
  StackWeights<Products> stack(problem, groups, StackWeights<Products>::Pass::kForward);
#pragma omp parallel num_threads(groups.threads())
  {
    ForwardThread<Products> mine(problem, groups.largest_tile());
    for (size_t group = 0; group < groups.count(); ++group) {
      const auto* const kept_here = kept.empty() ? nullptr : kept.data() + groups.first_step(group);
      stack.take(groups[group]);
#pragma omp for schedule(static, 1)
      for (int64_t place = 0; place < groups.tiles_of(group); ++place) {
        forward_tile(problem, site, groups[group], groups.tile(group, place),
                     stack, kept_here, mine, out);
      }
    }
  }
}

}  // namespace

void adapter_site_forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                          int threads, float* out) {
  if (problem.rows == 0) return;
  with_float_products([&](auto products) {
    forward<typename decltype(products)::Type>(problem, kept, threads, out);
  });
}

}  // namespace madx::cpu

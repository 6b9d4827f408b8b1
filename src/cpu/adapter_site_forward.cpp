// An adapter site, a tile of rows at a time. All products of a tile's stack run while the tile is
// in cache: what plain tensor operations pass through memory some fifteen times is read and written
// once. Tiles are independent.
#include <deque>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/products.h"
#include "cpu/site_groups.h"
#include "cpu/stack_weights.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// What a thread has for itself: for one tile, `sum`, a + the output of the adapter at hand, and z,
/// its inner units; h, what it reads, for some rows of the tile at a time.
template <class Products>
struct ForwardThread {
  ForwardThread(const SiteProblem& problem, int64_t tile)
      : sum(tile * problem.hidden, kAnything),
        h(Products::kRowBlock * problem.hidden, kAnything),
        z(tile * widest_bottleneck(problem), kAnything),
        factors(problem.hidden + 4, kAnything),
        h_operand(tile, problem.hidden),
        z_operand(tile, widest_bottleneck(problem)) {}
  static constexpr auto kAnything = Scratch::Start::kAnything;
  Products products;
  Scratch sum, h, z, factors;
  typename Products::Rows h_operand, z_operand;
};

/// `kept` (null where nothing is) is the tile's group's.
template <class Products>
void forward_tile(const SiteProblem& problem, const SiteRows& site, const IndexedSiteGroup& group,
                  const SiteGroups::Tile& tile, const StackWeights<Products>& stack,
                  const SiteAdapterKept* kept, ForwardThread<Products>& mine, float* out) {
  const auto hidden = problem.hidden, first = tile.first, rows = tile.rows, size = tile.size;
  const auto first_of_group = first - group.first;
  float *const sums = mine.sum.data(), *const h = mine.h.data(), *const z = mine.z.data();
  const auto sum_of_row = [&](int64_t row) { return sums + row * hidden; };
  for (size_t index = 0; index < group.adapters.size(); ++index) {
    const auto& weights = problem.adapters[group.adapters[index]];
    for (int64_t block = 0; block < size; block += Products::kRowBlock) {
      const auto end = std::min(block + Products::kRowBlock, size);
      for (int64_t row = block; row < std::min(end, rows); ++row) {
        float* const sum = sum_of_row(row);
        if (index == 0) site.begin(first + row, mine.factors.data(), sum);
        site.enter(sum, weights.up_bias, h + (row - block) * hidden);
      }
      mine.h_operand.load_block(block, h, hidden, end - block, hidden);
    }
    const auto inner = weights.bottleneck;
    mine.products.times(mine.h_operand, size, stack[index].down, z, /*accumulate=*/false);
    bias_and_relu(z, weights.down_bias, rows, inner);
    mine.z_operand.load(z, inner, size, inner);
    mine.products.times(mine.z_operand, size, stack[index].up, sums, /*accumulate=*/true);
    if (kept == nullptr) continue;
    std::copy_n(z, rows * inner, kept[index].z + first_of_group * inner);
    std::copy_n(sums, rows * hidden, kept[index].sum + first_of_group * hidden);
  }
  for (int64_t row = 0; row < rows; ++row) {
    float* const out_row = out + (first + row) * hidden;
    if (group.adapters.empty()) site.begin(first + row, mine.factors.data(), out_row);
    site.norm().forward(group.adapters.empty() ? out_row : sum_of_row(row), out_row);
  }
}

template <class Products>
void forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept, int threads,
             float* out) {
  const SiteGroups groups(problem, threads, Products::kSiteRows, Products::kSiteGranule);
  const SiteRows site(problem);
  std::deque<SharedPieces> pieces;  // of each group
  for (size_t group = 0; group < groups.count(); ++group)
    pieces.emplace_back(groups.tiles_of(group));
  for_each_stack<Products>(
      problem, groups, StackWeights<Products>::Pass::kForward,
      [&] { return ForwardThread<Products>(problem, groups.largest_tile()); },
      [&](Thread thread, auto& mine, const auto& stack, size_t group) {
        const auto* const kept_here =
            kept.empty() ? nullptr : kept.data() + groups.first_step(group);
        pieces[group].for_each(thread, [&](int64_t place) {
          forward_tile(problem, site, groups[group], groups.tile(group, place), stack, kept_here,
                       mine, out);
        });
      });
}

}  // namespace

void adapter_site_forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                          int threads, float* out) {
  if (problem.rows == 0) return;
  with_products(problem.products, [&](auto products) {
    forward<typename decltype(products)::Type>(problem, kept, threads, out);
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY

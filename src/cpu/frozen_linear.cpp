#include "madx/cpu/frozen_linear.h"

#include <omp.h>

#include <vector>

#include "cpu/copied_panels.h"
#include "cpu/scratch.h"
#include "cpu/small_gemm.h"
#include "cpu/transposed_rows.h"

namespace madx::cpu {
namespace {

constexpr auto kBlock = kOutputBlock;

/// What a thread works in: a tile of x whole, and a block of y.
struct TileScratch {
  TileScratch(int64_t in, int64_t tile) : x(in * tile), y(kBlock * tile) {}
  Scratch x, y;
};

std::vector<TileScratch> scratch_of(int threads, int64_t in, int64_t tile) {
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(in, tile);
  return scratch;
}

/// Products over blocks of outputs: of a whole block, and of what is left at the end.
struct BlockProducts {
  template <class Make>
  BlockProducts(int64_t out, Make&& make)
      : whole(make(std::min(kBlock, out))), rest(make(out % kBlock == 0 ? kBlock : out % kBlock)) {}
  const SmallGemm& operator()(int64_t size) const { return size == kBlock ? whole : rest; }
  SmallGemm whole, rest;
};

}  // namespace

void frozen_linear_forward(const FrozenWeight& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  if (rows == 0) return;
  const auto in = layer.in, out = layer.out;
  const auto tiles = transposed_tiles(rows, threads, in, out);
  const ByTileSize<BlockProducts> products(tiles, [&](int64_t tile) {
    return BlockProducts(
        out, [&](int64_t size) { return SmallGemm(size, tile, in, in, tile, tile, {}); });
  });
  auto scratch = scratch_of(tiles.threads(), in, tiles.size());
#pragma omp parallel for num_threads(tiles.threads()) schedule(static, 1)
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto first = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
    load_transposed(x + first * in, in, count, in, width, mine.x.data());
    for (int64_t o = 0; o < out; o += kBlock) {
      const auto size = std::min(kBlock, out - o);
      products(tile)(size)(layer.weight + o * in, mine.x.data(), mine.y.data());
      store_transposed(mine.y.data(), width, count, size, layer.bias + o, y + first * out + o, out);
    }
  }
}

void frozen_linear_backward(const FrozenWeight& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  if (rows == 0) return;
  const auto in = layer.in, out = layer.out;
  const auto tiles = copied_tiles(rows, threads, in, out);
  const ByTileSize<CopiedPanelProduct> products(tiles, [&](int64_t tile) {
    return CopiedPanelProduct(tile, in, out, {/*a=*/out, /*b=*/in, /*c=*/in}, /*accumulate=*/false);
  });
  std::vector<Scratch> panels;
  for (int thread = 0; thread < tiles.threads(); ++thread)
    panels.emplace_back(CopiedPanelProduct::kScratch);
#pragma omp parallel for num_threads(tiles.threads()) schedule(static, 1)
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    const auto first = tiles.first(tile);
    products(tile)(y_gradient + first * out, layer.weight, x_gradient + first * in,
                   panels[static_cast<size_t>(omp_get_thread_num())].data());
  }
}

}  // namespace madx::cpu

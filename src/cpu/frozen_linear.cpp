#include "madx/cpu/frozen_linear.h"

#include <omp.h>

#include <vector>

#include "cpu/scratch.h"
#include "cpu/small_gemm.h"
#include "cpu/transposed_rows.h"

namespace madx::cpu {
namespace {

/// Outputs taken at a time: a tile's part of them stays in a core's second-level cache.
constexpr int64_t kBlock = 256;

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
  const auto tiles = transposed_tiles(rows, threads);
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
  const auto tiles = transposed_tiles(rows, threads);
  const auto products = [&](bool accumulate) {
    return ByTileSize<BlockProducts>(tiles, [&, accumulate](int64_t tile) {
      return BlockProducts(out, [&](int64_t size) {
        return SmallGemm(in, tile, size, in, tile, tile, {/*transposed_a=*/true, accumulate});
      });
    });
  };
  const auto begins = products(false), adds = products(true);
  auto scratch = scratch_of(tiles.threads(), in, tiles.size());
#pragma omp parallel for num_threads(tiles.threads()) schedule(static, 1)
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto first = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
    for (int64_t o = 0; o < out; o += kBlock) {
      const auto size = std::min(kBlock, out - o);
      load_transposed(y_gradient + first * out + o, out, count, size, width, mine.y.data());
      (o == 0 ? begins : adds)(tile)(size)(layer.weight + o * in, mine.y.data(), mine.x.data());
    }
    store_transposed(mine.x.data(), width, count, in, /*bias=*/nullptr, x_gradient + first * in,
                     in);
  }
}

}  // namespace madx::cpu

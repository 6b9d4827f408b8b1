#include "madx/cpu/frozen_linear.h"

#include <omp.h>

#include <vector>

#include "cpu/column_major_rows.h"
#include "cpu/row_tiles.h"
#include "cpu/scratch.h"
#include "cpu/small_gemm.h"

namespace madx::cpu {
namespace {

constexpr int64_t kLargestTile = 96;
/// Outputs taken at a time: a tile's part of them stays in a core's second-level cache.
constexpr int64_t kBlock = 256;

/// What a thread works in.
struct TileScratch {
  TileScratch(int64_t outer, int64_t inner) : whole(outer), block(inner) {}
  Scratch whole, block;
};

std::vector<TileScratch> scratch_of(int threads, int64_t whole, int64_t block) {
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(whole, block);
  return scratch;
}

/// Products over blocks of outputs: of a whole block, and of what is left at the end.
template <class Make>
std::vector<SmallGemm> by_blocks(int64_t out, Make&& make) {
  std::vector<SmallGemm> products;
  for (const auto size : {std::min(kBlock, out), out % kBlock})
    if (size > 0) products.push_back(make(size));
  return products;
}

}  // namespace

void frozen_linear_forward(const FrozenWeight& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  const auto in = layer.in, out = layer.out;
  const RowTiles tiles(rows, threads, kLargestTile);
  const auto products = by_blocks(out, [&](int64_t size) {
    return SmallGemm(size, tiles.size, in, in, tiles.size, tiles.size, {});
  });
  auto scratch = scratch_of(threads, in * tiles.size, kBlock * tiles.size);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t tile = 0; tile < tiles.count; ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto first = tiles.first(tile), count = tiles.rows_of(tile);
    load_transposed(x + first * in, in, count, in, tiles.size, mine.whole.data());
    for (int64_t o = 0; o < out; o += kBlock) {
      const auto size = std::min(kBlock, out - o);
      const auto& product = size == kBlock ? products.front() : products.back();
      product(layer.weight + o * in, mine.whole.data(), mine.block.data());
      store_transposed(mine.block.data(), tiles.size, count, size, layer.bias + o,
                       y + first * out + o, out);
    }
  }
}

void frozen_linear_backward(const FrozenWeight& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  const auto in = layer.in, out = layer.out;
  const RowTiles tiles(rows, threads, kLargestTile);
  const auto products = [&](bool accumulate) {
    return by_blocks(out, [&](int64_t size) {
      return SmallGemm(in, tiles.size, size, in, tiles.size, tiles.size,
                       {/*transposed_a=*/true, accumulate});
    });
  };
  const auto begins = products(false), adds = products(true);
  auto scratch = scratch_of(threads, in * tiles.size, kBlock * tiles.size);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t tile = 0; tile < tiles.count; ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto first = tiles.first(tile), count = tiles.rows_of(tile);
    for (int64_t o = 0; o < out; o += kBlock) {
      const auto size = std::min(kBlock, out - o);
      load_transposed(y_gradient + first * out + o, out, count, size, tiles.size,
                      mine.block.data());
      const auto& of = o == 0 ? begins : adds;
      const auto& product = size == kBlock ? of.front() : of.back();
      product(layer.weight + o * in, mine.block.data(), mine.whole.data());
    }
    store_transposed(mine.whole.data(), tiles.size, count, in, /*bias=*/nullptr,
                     x_gradient + first * in, in);
  }
}

}  // namespace madx::cpu

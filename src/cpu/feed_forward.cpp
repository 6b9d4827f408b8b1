#include <omp.h>

#include <vector>

#include "cpu/column_major_rows.h"
#include "cpu/gelu.h"
#include "cpu/row_tiles.h"
#include "cpu/scratch.h"
#include "cpu/small_gemm.h"
#include "madx/cpu/frozen_linear.h"

namespace madx::cpu {
namespace {

constexpr int64_t kLargestTile = 96;
/// Inner units taken at a time.
constexpr int64_t kBlock = 256;

/// What a thread works in: a tile before and after, and a block of inner units.
struct TileScratch {
  TileScratch(const FeedForward& layers, int64_t tile)
      : before(layers.first.in * tile),
        after(layers.second.out * tile),
        inner(kBlock * tile),
        activated(kBlock * tile) {}
  Scratch before, after, inner, activated;
};

/// A product for whole blocks of inner units and one for what is left at the end; those that sum
/// over inner units in two forms, for the first block and for the others.
class BlockProducts {
 public:
  template <class Make>
  BlockProducts(int64_t inner, Make&& make) : inner_(inner) {
    for (const bool accumulate : {false, true})
      for (const auto size : {std::min(kBlock, inner), inner % kBlock})
        if (size > 0) products_[accumulate].push_back(make(size, accumulate));
  }
  const SmallGemm& operator()(int64_t begin, bool accumulate = false) const {
    const auto& products = products_[accumulate];
    return begin + kBlock <= inner_ ? products.front() : products.back();
  }

 private:
  int64_t inner_;
  std::vector<SmallGemm> products_[2];
};

RowTiles tiles_of(int64_t rows, int threads) { return RowTiles(rows, threads, kLargestTile); }

/// inner = inner + bias by row, activated = gelu(inner)
void bias_and_gelu(float* inner, const float* bias, int64_t units, int64_t tile, float* activated) {
  for (int64_t unit = 0; unit < units; ++unit) {
    float* const from = inner + unit * tile;
    float* const to = activated + unit * tile;
    const float shift = bias[unit];
#pragma omp simd
    for (int64_t i = 0; i < tile; ++i) {
      from[i] += shift;
      to[i] = gelu(from[i]);
    }
  }
}

}  // namespace

int64_t feed_forward_kept(const FeedForward& layers, int64_t rows, int threads) {
  const auto tiles = tiles_of(rows, threads);
  return tiles.count * tiles.size * layers.first.out;
}

void feed_forward_forward(const FeedForward& layers, const float* x, int64_t rows, int threads,
                          float* kept, float* y) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = tiles_of(rows, threads);
  const auto size = tiles.size;
  const BlockProducts first(
      inner, [&](int64_t units, bool) { return SmallGemm(units, size, in, in, size, size, {}); });
  const BlockProducts second(inner, [&](int64_t units, bool accumulate) {
    return SmallGemm(out, size, units, inner, size, size, {/*transposed_a=*/false, accumulate});
  });
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(layers, size);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t tile = 0; tile < tiles.count; ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto row = tiles.first(tile), count = tiles.rows_of(tile);
    load_transposed(x + row * in, in, count, in, size, mine.before.data());
    for (int64_t unit = 0; unit < inner; unit += kBlock) {
      float* const block =
          kept == nullptr ? mine.inner.data() : kept + (tile * inner + unit) * size;
      first(unit)(layers.first.weight + unit * in, mine.before.data(), block);
      bias_and_gelu(block, layers.first.bias + unit, std::min(kBlock, inner - unit), size,
                    mine.activated.data());
      second(unit, unit > 0)(layers.second.weight + unit, mine.activated.data(), mine.after.data());
    }
    store_transposed(mine.after.data(), size, count, out, layers.second.bias, y + row * out, out);
  }
}

void feed_forward_backward(const FeedForward& layers, const float* kept, const float* y_gradient,
                           int64_t rows, int threads, float* x_gradient) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = tiles_of(rows, threads);
  const auto size = tiles.size;
  const BlockProducts second(inner, [&](int64_t units, bool) {
    return SmallGemm(units, size, out, inner, size, size, {/*transposed_a=*/true});
  });
  const BlockProducts first(inner, [&](int64_t units, bool accumulate) {
    return SmallGemm(in, size, units, in, size, size, {/*transposed_a=*/true, accumulate});
  });
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(layers, size);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t tile = 0; tile < tiles.count; ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto row = tiles.first(tile), count = tiles.rows_of(tile);
    load_transposed(y_gradient + row * out, out, count, out, size, mine.after.data());
    for (int64_t unit = 0; unit < inner; unit += kBlock) {
      const auto elements = std::min(kBlock, inner - unit) * size;
      const float* const before = kept + (tile * inner + unit) * size;
      float* const gradient = mine.inner.data();
      second(unit)(layers.second.weight + unit, mine.after.data(), gradient);
#pragma omp simd
      for (int64_t i = 0; i < elements; ++i) gradient[i] *= gelu_slope(before[i]);
      first(unit, unit > 0)(layers.first.weight + unit * in, gradient, mine.before.data());
    }
    store_transposed(mine.before.data(), size, count, in, /*bias=*/nullptr, x_gradient + row * in,
                     in);
  }
}

}  // namespace madx::cpu

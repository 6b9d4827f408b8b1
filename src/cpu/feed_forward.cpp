#include <omp.h>

#include <vector>

#include "cpu/gelu.h"
#include "cpu/scratch.h"
#include "cpu/small_gemm.h"
#include "cpu/transposed_rows.h"
#include "madx/cpu/frozen_linear.h"

namespace madx::cpu {
namespace {

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

/// The products of one pass through both layers, for one size of tiles.
struct PassProducts {
  BlockProducts first, second;
};

PassProducts forward_products(const FeedForward& layers, int64_t tile) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  return {
      BlockProducts(inner, [&](int64_t units,
                               bool) { return SmallGemm(units, tile, in, in, tile, tile, {}); }),
      BlockProducts(inner, [&](int64_t units, bool accumulate) {
        return SmallGemm(out, tile, units, inner, tile, tile, {/*transposed_a=*/false, accumulate});
      })};
}

PassProducts backward_products(const FeedForward& layers, int64_t tile) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  return {
      BlockProducts(
          inner,
          [&](int64_t units, bool accumulate) {
            return SmallGemm(in, tile, units, in, tile, tile, {/*transposed_a=*/true, accumulate});
          }),
      BlockProducts(inner, [&](int64_t units, bool) {
        return SmallGemm(units, tile, out, inner, tile, tile, {/*transposed_a=*/true});
      })};
}

std::vector<TileScratch> scratch_of(const FeedForward& layers, int threads, int64_t tile) {
  std::vector<TileScratch> scratch;
  for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(layers, tile);
  return scratch;
}

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
  if (rows == 0) return 0;
  const auto tiles = transposed_tiles(rows, threads);
  const auto last = tiles.count() - 1;
  return (tiles.first(last) + tiles.size_of(last)) * layers.first.out;
}

void feed_forward_forward(const FeedForward& layers, const float* x, int64_t rows, int threads,
                          float* kept, float* y) {
  if (rows == 0) return;
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = transposed_tiles(rows, threads);
  const ByTileSize<PassProducts> by_size(
      tiles, [&](int64_t tile) { return forward_products(layers, tile); });
  auto scratch = scratch_of(layers, tiles.threads(), tiles.size());
#pragma omp parallel for num_threads(tiles.threads()) schedule(static, 1)
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto& products = by_size(tile);
    const auto row = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
    load_transposed(x + row * in, in, count, in, width, mine.before.data());
    for (int64_t unit = 0; unit < inner; unit += kBlock) {
      float* const block = kept == nullptr ? mine.inner.data() : kept + row * inner + unit * width;
      products.first(unit)(layers.first.weight + unit * in, mine.before.data(), block);
      bias_and_gelu(block, layers.first.bias + unit, std::min(kBlock, inner - unit), width,
                    mine.activated.data());
      products.second(unit, unit > 0)(layers.second.weight + unit, mine.activated.data(),
                                      mine.after.data());
    }
    store_transposed(mine.after.data(), width, count, out, layers.second.bias, y + row * out, out);
  }
}

void feed_forward_backward(const FeedForward& layers, const float* kept, const float* y_gradient,
                           int64_t rows, int threads, float* x_gradient) {
  if (rows == 0) return;
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = transposed_tiles(rows, threads);
  const ByTileSize<PassProducts> by_size(
      tiles, [&](int64_t tile) { return backward_products(layers, tile); });
  auto scratch = scratch_of(layers, tiles.threads(), tiles.size());
#pragma omp parallel for num_threads(tiles.threads()) schedule(static, 1)
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto& products = by_size(tile);
    const auto row = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
    load_transposed(y_gradient + row * out, out, count, out, width, mine.after.data());
    for (int64_t unit = 0; unit < inner; unit += kBlock) {
      const auto elements = std::min(kBlock, inner - unit) * width;
      const float* const before = kept + row * inner + unit * width;
      float* const gradient = mine.inner.data();
      products.second(unit)(layers.second.weight + unit, mine.after.data(), gradient);
#pragma omp simd
      for (int64_t i = 0; i < elements; ++i) gradient[i] *= gelu_slope(before[i]);
      products.first(unit, unit > 0)(layers.first.weight + unit * in, gradient, mine.before.data());
    }
    store_transposed(mine.before.data(), width, count, in, /*bias=*/nullptr, x_gradient + row * in,
                     in);
  }
}

}  // namespace madx::cpu

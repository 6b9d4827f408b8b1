#include <omp.h>

#include <vector>

#include "cpu/copied_panels.h"
#include "cpu/gelu.h"
#include "cpu/scratch.h"
#include "cpu/small_gemm.h"
#include "cpu/transposed_rows.h"
#include "madx/cpu/frozen_linear.h"

namespace madx::cpu {
namespace {

/// Inner units taken at a time.
constexpr auto kBlock = kOutputBlock;

/// Both passes cut rows into the same tiles, since one keeps by tile what the other reads.
RowTiles tiles_of(const FeedForward& layers, int64_t rows, int threads) {
  return transposed_tiles(rows, threads, layers.first.in, layers.second.out + 2 * kBlock);
}

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

/// The products of the forward pass, for one size of tiles.
struct ForwardProducts {
  BlockProducts first, second;
};

ForwardProducts forward_products(const FeedForward& layers, int64_t tile) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  return {
      BlockProducts(inner, [&](int64_t units,
                               bool) { return SmallGemm(units, tile, in, in, tile, tile, {}); }),
      BlockProducts(inner, [&](int64_t units, bool accumulate) {
        return SmallGemm(out, tile, units, inner, tile, tile, {/*transposed_a=*/false, accumulate});
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

/// gradient (rows, units; kBlock apart) *= gelu'(kept), kept (units, tile) as the forward pass left
/// it.
void through_gelu(const float* kept, int64_t tile, int64_t rows, int64_t units, float* gradient) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t unit = 0; unit < units; unit += kSize) {
    const auto wide = std::min(kSize, units - unit);
    for (int64_t row = 0; row < rows; row += kSize) {
      const auto high = std::min(kSize, rows - row);
      const TransposedTile before(kept + unit * tile + row, tile, wide, high);
      for (int64_t i = 0; i < high; ++i) {
        float* const to = gradient + (row + i) * kBlock + unit;
        const float* const x = before.row(i);
#pragma omp simd
        for (int64_t j = 0; j < wide; ++j) to[j] *= gelu_slope(x[j]);
      }
    }
  }
}

/// The products of the backward pass, for one number of rows; a block of inner units lies in
/// (rows, kBlock).
class BackwardProducts {
 public:
  BackwardProducts(const FeedForward& layers, int64_t rows) : inner_(layers.first.out) {
    const auto in = layers.first.in, out = layers.second.out;
    for (const auto units : {std::min(kBlock, inner_), inner_ % kBlock}) {
      if (units == 0) continue;
      seconds_.push_back({rows, units, out, {out, inner_, kBlock}, /*accumulate=*/false});
      for (const bool accumulate : {false, true})
        firsts_[accumulate].push_back({rows, in, units, {kBlock, in, in}, accumulate});
    }
  }
  /// (rows, units) = y_gradient W_2, of the units from `begin` on.
  const CopiedPanelProduct& second(int64_t begin) const { return of_block(seconds_, begin); }
  /// x_gradient = (rows, units) W_1, added to it but for the first block.
  const CopiedPanelProduct& first(int64_t begin) const {
    return of_block(firsts_[begin > 0], begin);
  }

 private:
  const CopiedPanelProduct& of_block(const std::vector<CopiedPanelProduct>& products,
                                     int64_t begin) const {
    return begin + kBlock <= inner_ ? products.front() : products.back();
  }
  int64_t inner_;
  std::vector<CopiedPanelProduct> seconds_, firsts_[2];
};

/// What a thread works in on the way back: a block of inner units, and a panel of weights.
struct BackwardScratch {
  explicit BackwardScratch(int64_t rows)
      : gradient(rows * kBlock), panel(CopiedPanelProduct::kScratch) {}
  Scratch gradient, panel;
};

}  // namespace

int64_t feed_forward_kept(const FeedForward& layers, int64_t rows, int threads) {
  if (rows == 0) return 0;
  const auto tiles = tiles_of(layers, rows, threads);
  const auto last = tiles.count() - 1;
  return (tiles.first(last) + tiles.size_of(last)) * layers.first.out;
}

void feed_forward_forward(const FeedForward& layers, const float* x, int64_t rows, int threads,
                          float* kept, float* y) {
  if (rows == 0) return;
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = tiles_of(layers, rows, threads);
  const ByTileSize<ForwardProducts> by_size(
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
  const auto tiles = tiles_of(layers, rows, threads);
  const auto last = tiles.count() - 1;
  const BackwardProducts larger(layers, tiles.size()), smaller(layers, tiles.size_of(last)),
      cut(layers, tiles.rows_of(last));
  std::vector<BackwardScratch> scratch;
  for (int thread = 0; thread < tiles.threads(); ++thread) scratch.emplace_back(tiles.size());
#pragma omp parallel for num_threads(tiles.threads()) schedule(static, 1)
  for (int64_t tile = 0; tile < tiles.count(); ++tile) {
    auto& mine = scratch[static_cast<size_t>(omp_get_thread_num())];
    const auto& products = tile == last ? cut : tiles.is_larger(tile) ? larger : smaller;
    const auto row = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
    float *const gradient = mine.gradient.data(), *const panel = mine.panel.data();
    for (int64_t unit = 0; unit < inner; unit += kBlock) {
      products.second(unit)(y_gradient + row * out, layers.second.weight + unit, gradient, panel);
      through_gelu(kept + row * inner + unit * width, width, count, std::min(kBlock, inner - unit),
                   gradient);
      products.first(unit)(gradient, layers.first.weight + unit * in, x_gradient + row * in, panel);
    }
  }
}

}  // namespace madx::cpu

#include "cpu/gelu.h"
#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/products.h"
#include "madx/cpu/frozen_linear.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Inner units that go through gelu at a time.
constexpr int64_t kStep = kSplitPanel;

/// Both passes cut rows into the same tiles, since one keeps by tile what the other reads.
template <class Products>
RowTiles tiles_of(const FeedForward& layers, int64_t rows, int threads) {
  return tiles_for<Products>(rows, threads, layers.first.in,
                             layers.second.out + 2 * Products::kInner);
}

/// activated = gelu(inner), inner (units, tile) = inner + bias by row.
template <class Columns>
void bias_and_gelu(float* inner, const float* bias, int64_t units, int64_t tile, float* step,
                   Columns& activated) {
  for (int64_t first = 0; first < units; first += kStep) {
    const auto count = std::min(kStep, units - first);
    for (int64_t unit = 0; unit < count; ++unit) {
      float* const from = inner + (first + unit) * tile;
      float* const to = step + unit * tile;
      const float shift = bias[first + unit];
#pragma omp simd
      for (int64_t i = 0; i < tile; ++i) {
        from[i] += shift;
        to[i] = gelu(from[i]);
      }
    }
    activated.load(first, step, count, tile, units);
  }
}

/// gradient (rows, units; `stride` apart) *= gelu'(kept), kept (units, tile) as the forward pass
/// left it.
void through_gelu(const float* kept, int64_t tile, int64_t rows, int64_t units, float* gradient,
                  int64_t stride) {
  constexpr auto kSize = TransposedTile::kSize;
  for (int64_t unit = 0; unit < units; unit += kSize) {
    const auto wide = std::min(kSize, units - unit);
    for (int64_t row = 0; row < rows; row += kSize) {
      const auto high = std::min(kSize, rows - row);
      const TransposedTile before(kept + unit * tile + row, tile, wide, high);
      for (int64_t i = 0; i < high; ++i) {
        float* const to = gradient + (row + i) * stride + unit;
        const float* const x = before.row(i);
#pragma omp simd
        for (int64_t j = 0; j < wide; ++j) to[j] *= gelu_slope(x[j]);
      }
    }
  }
}

template <class Products>
int64_t kept_size(const FeedForward& layers, int64_t rows, int threads) {
  const auto tiles = tiles_of<Products>(layers, rows, threads);
  const auto last = tiles.count() - 1;
  return (tiles.first(last) + tiles.size_of(last)) * layers.first.out;
}

template <class Products>
void forward(const FeedForward& layers, const float* x, int64_t rows, int threads, float* kept,
             float* y) {
  constexpr auto kBlock = Products::kInner;
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = tiles_of<Products>(layers, rows, threads);
  SharedPieces pieces(tiles.count());
  parallel(tiles.threads(), [&](Thread thread) {
    constexpr auto kAnything = Scratch::Start::kAnything;
    Products products;
    typename Products::Columns before(in, tiles.size()), activated(kBlock, tiles.size());
    Scratch after(out * tiles.size(), kAnything), step(kStep * tiles.size(), kAnything),
        unkept(kept == nullptr ? kBlock * tiles.size() : 0, kAnything);
    pieces.for_each(thread, [&](int64_t tile) {
      const auto row = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
      before.load_transposed(x + row * in, in, count, in, width);
      for (int64_t unit = 0; unit < inner; unit += kBlock) {
        const auto units = std::min(kBlock, inner - unit);
        float* const block = kept == nullptr ? unkept.data() : kept + row * inner + unit * width;
        products.left(layers.first.weight + unit * in, in, units, in, before, width, block,
                      /*accumulate=*/false);
        bias_and_gelu(block, layers.first.bias + unit, units, width, step.data(), activated);
        products.left(layers.second.weight + unit, inner, out, units, activated, width,
                      after.data(), /*accumulate=*/unit > 0);
      }
      store_transposed(after.data(), width, count, out, layers.second.bias, y + row * out, out);
    });
  });
}

template <class Products>
void backward(const FeedForward& layers, const float* kept, const float* y_gradient, int64_t rows,
              int threads, float* x_gradient) {
  constexpr auto kBlock = Products::kInner;
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  const auto tiles = tiles_of<Products>(layers, rows, threads);
  SharedPieces pieces(tiles.count());
  parallel(tiles.threads(), [&](Thread thread) {
    Products products;
    typename Products::Rows after(tiles.size(), out), activated(tiles.size(), kBlock);
    Scratch gradient(kBlock * tiles.size(), Scratch::Start::kAnything);
    pieces.for_each(thread, [&](int64_t tile) {
      const auto row = tiles.first(tile), count = tiles.rows_of(tile), width = tiles.size_of(tile);
      after.load(y_gradient + row * out, out, count, out);
      for (int64_t unit = 0; unit < inner; unit += kBlock) {
        const auto units = std::min(kBlock, inner - unit);
        products.right(after, count, out, layers.second.weight + unit, inner, units,
                       gradient.data(), kBlock, /*accumulate=*/false);
        through_gelu(kept + row * inner + unit * width, width, count, units, gradient.data(),
                     kBlock);
        activated.load(gradient.data(), kBlock, count, units);
        products.right(activated, count, units, layers.first.weight + unit * in, in, in,
                       x_gradient + row * in, in, /*accumulate=*/unit > 0);
      }
    });
  });
}

}  // namespace

int64_t feed_forward_kept(const FeedForward& layers, int64_t rows, int threads) {
  int64_t size = 0;
  if (rows == 0) return size;
  with_products(layers.first.products, [&](auto products) {
    size = kept_size<typename decltype(products)::Type>(layers, rows, threads);
  });
  return size;
}

void feed_forward_forward(const FeedForward& layers, const float* x, int64_t rows, int threads,
                          float* kept, float* y) {
  if (rows == 0) return;
  with_products(layers.first.products, [&](auto products) {
    forward<typename decltype(products)::Type>(layers, x, rows, threads, kept, y);
  });
}

void feed_forward_backward(const FeedForward& layers, const float* kept, const float* y_gradient,
                           int64_t rows, int threads, float* x_gradient) {
  if (rows == 0) return;
  with_products(layers.first.products, [&](auto products) {
    backward<typename decltype(products)::Type>(layers, kept, y_gradient, rows, threads,
                                                x_gradient);
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY

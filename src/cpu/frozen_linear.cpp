#include "madx/cpu/frozen_linear.h"

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/products.h"
#include "cpu/row_tiles.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Of the gradient by y, this many columns at a time are an operand.
constexpr int64_t kOperandDepth = 768;

template <class Products>
void forward(const FrozenWeight& layer, const float* x, int64_t rows, int threads, float* y) {
  const auto in = layer.in, out = layer.out;
  const auto tiles = tiles_for<Products>(rows, threads, in, out);
  SharedPieces pieces(tiles.count());
  parallel(tiles.threads(), [&](Thread thread) {
    Products products;
    typename Products::Columns columns(in, tiles.size());
    Scratch block(kOutputBlock * tiles.size(), Scratch::Start::kAnything);
    pieces.for_each(thread, [&](int64_t tile) {
      const auto first = tiles.first(tile), count = tiles.rows_of(tile);
      const auto width = tiles.size_of(tile);
      columns.load_transposed(x + first * in, in, count, in, width);
      for (int64_t o = 0; o < out; o += kOutputBlock) {
        const auto size = std::min(kOutputBlock, out - o);
        products.left(layer.weight + o * in, in, size, in, columns, width, block.data(),
                      /*accumulate=*/false);
        store_transposed(block.data(), width, count, size, layer.bias + o, y + first * out + o,
                         out);
      }
    });
  });
}

template <class Products>
void backward(const FrozenWeight& layer, const float* y_gradient, int64_t rows, int threads,
              float* x_gradient) {
  const auto in = layer.in, out = layer.out;
  const auto tiles = tiles_for<Products>(rows, threads, std::min(out, kOperandDepth), in);
  SharedPieces pieces(tiles.count());
  parallel(tiles.threads(), [&](Thread thread) {
    Products products;
    typename Products::Rows operand(tiles.size(), std::min(out, kOperandDepth));
    pieces.for_each(thread, [&](int64_t tile) {
      const auto first = tiles.first(tile), count = tiles.rows_of(tile);
      for (int64_t o = 0; o < out; o += kOperandDepth) {
        const auto depth = std::min(kOperandDepth, out - o);
        operand.load(y_gradient + first * out + o, out, count, depth);
        products.right(operand, count, depth, layer.weight + o * in, in, in,
                       x_gradient + first * in, in, /*accumulate=*/o > 0);
      }
    });
  });
}

}  // namespace

void frozen_linear_forward(const FrozenWeight& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  if (rows == 0) return;
  with_products(layer.products, [&](auto products) {
    forward<typename decltype(products)::Type>(layer, x, rows, threads, y);
  });
}

void frozen_linear_backward(const FrozenWeight& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  if (rows == 0) return;
  with_products(layer.products, [&](auto products) {
    backward<typename decltype(products)::Type>(layer, y_gradient, rows, threads, x_gradient);
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY

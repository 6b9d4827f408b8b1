// Frozen layers in int8. A tile of rows is quantised on its way in, and meets the packed weight.
#include <algorithm>

#include "cpu/bfloat16_round.h"
#include "cpu/gelu_to_8_bits.h"
#include "cpu/layer_tiles.h"
#include "gemm/int8_product.h"
#include "madx/cpu/int8.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Inner units of the feed-forward block taken at a time; each block of a row has its own scale.
constexpr int64_t kQuantisedBlock = 512;

/// A part of B's rows, from `first` on.
Int8Matrix rows_from(const Int8Matrix& matrix, int64_t first) {
  return {matrix.panels + first * kInt8Granule, matrix.panel, matrix.scales};
}
/// A part of B's columns, from `first` on.
Int8Matrix columns_from(const Int8Matrix& matrix, int64_t first) {
  return {matrix.panels + first / kInt8Granule * matrix.panel, matrix.panel, matrix.scales + first};
}

/// y = the exact columns of x times their weights, + bias: outputs [first, first + count) of a
/// layer.
void start_row(const FrozenInt8& layer, const float* x, int64_t first, int64_t count, float* y) {
  std::copy_n(layer.bias + first, count, y);
  for (int64_t column = 0; column < layer.exact_count; ++column) {
    const float factor = x[layer.exact[column]];
    const float* const weights = layer.exact_weights + column * layer.exact_stride + first;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] += factor * weights[i];
  }
}

/// Outputs [first, first + count) of a layer, for rows of x, which are there in float32 and
/// quantised.
void forward_block(const FrozenInt8& layer, const float* x, const QuantisedRows& quantised,
                   int64_t rows, int64_t first, int64_t count, float* y, int64_t y_stride) {
  const bool has_exact = layer.exact_count > 0;
  if (has_exact) {
    for (int64_t row = 0; row < rows; ++row)
      start_row(layer, x + row * layer.in, first, count, y + row * y_stride);
  }
  int8_product({rows, count, layer.in, quantised, columns_from(layer.forward, first), y, y_stride,
                /*accumulate=*/has_exact, layer.bias + first});
}

/// A thread's share of a feed-forward block in either direction: k to inner units.
struct QuantisedFeedForward {
  QuantisedFeedForward(int64_t tile, int64_t k)
      : rows(tile, k),
        units(tile, kQuantisedBlock),
        block(tile * kQuantisedBlock, Scratch::Start::kAnything) {}

  QuantisedRows rows, units;
  Scratch block;  // (tile, kQuantisedBlock)
};

}  // namespace

void frozen_linear_forward(const FrozenInt8& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  const auto in = layer.in, out = layer.out;
  by_tiles(
      rows, in / 4 + out, int8_row_granule(), threads,
      [&](int64_t tile) { return QuantisedRows(tile, in); },
      [&](int64_t first, int64_t count, QuantisedRows& quantised) {
        quantised.load(x + first * in, in, count, in, layer.exact, layer.exact_count);
        forward_block(layer, x + first * in, quantised, count, 0, out, y + first * out, out);
      });
}

void frozen_linear_backward(const FrozenInt8& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  const auto in = layer.in, out = layer.out;
  by_tiles(
      rows, in + out / 4, int8_row_granule(), threads,
      [&](int64_t tile) { return QuantisedRows(tile, out); },
      [&](int64_t first, int64_t count, QuantisedRows& quantised) {
        quantised.load(y_gradient + first * out, out, count, out);
        int8_product({count, in, out, quantised, layer.backward, x_gradient + first * in, in});
      });
}

void feed_forward_forward(const FeedForwardInt8& layers, const float* x, int64_t rows, int threads,
                          Bfloat16* kept, float* y) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  by_tiles(
      rows, in / 4 + 5 * kQuantisedBlock / 4 + out, int8_row_granule(), threads,
      [&](int64_t tile) { return QuantisedFeedForward(tile, in); },
      [&](int64_t first, int64_t count, QuantisedFeedForward& mine) {
        mine.rows.load(x + first * in, in, count, in, layers.first.exact, layers.first.exact_count);
        for (int64_t unit = 0; unit < inner; unit += kQuantisedBlock) {
          const auto units = std::min(kQuantisedBlock, inner - unit);
          forward_block(layers.first, x + first * in, mine.rows, count, unit, units,
                        mine.block.data(), kQuantisedBlock);
          for (int64_t row = 0; row < count; ++row) {
            float* const values = mine.block.data() + row * kQuantisedBlock;
            if (kept != nullptr) to_bfloat16(values, units, kept + (first + row) * inner + unit);
#pragma omp simd
            for (int64_t i = 0; i < units; ++i) values[i] = gelu_to_8_bits(values[i]);
            mine.units.load(row, values, units);
          }
          int8_product({count, out, units, mine.units, rows_from(layers.second.forward, unit),
                        y + first * out, out, /*accumulate=*/unit > 0, layers.second.bias});
        }
      });
}

void feed_forward_backward(const FeedForwardInt8& layers, const Bfloat16* kept,
                           const float* y_gradient, int64_t rows, int threads, float* x_gradient) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  by_tiles(
      rows, out / 4 + 5 * kQuantisedBlock / 4 + in, int8_row_granule(), threads,
      [&](int64_t tile) { return QuantisedFeedForward(tile, out); },
      [&](int64_t first, int64_t count, QuantisedFeedForward& mine) {
        mine.rows.load(y_gradient + first * out, out, count, out);
        for (int64_t unit = 0; unit < inner; unit += kQuantisedBlock) {
          const auto units = std::min(kQuantisedBlock, inner - unit);
          int8_product({count, units, out, mine.rows, columns_from(layers.second.backward, unit),
                        mine.block.data(), kQuantisedBlock});
          for (int64_t row = 0; row < count; ++row) {
            float* const gradient = mine.block.data() + row * kQuantisedBlock;
            const Bfloat16* const before = kept + (first + row) * inner + unit;
#pragma omp simd
            for (int64_t i = 0; i < units; ++i)
              gradient[i] *= gelu_slope_to_8_bits(to_float(before[i]));
            mine.units.load(row, gradient, units);
          }
          int8_product({count, in, units, mine.units, rows_from(layers.first.backward, unit),
                        x_gradient + first * in, in,
                        /*accumulate=*/unit > 0});
        }
      });
}

}  // namespace madx::cpu::MADX_CAPABILITY

// Frozen layers in bfloat16. Rows stay rows: a tile of them is rounded on its way in, and meets the
// packed weight.
#include <algorithm>
#include <vector>

#include "cpu/bfloat16_round.h"
#include "cpu/gelu.h"
#include "cpu/gemm.h"
#include "cpu/layer_tiles.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Inner units of the feed-forward block taken at a time.
constexpr int64_t kRoundedBlock = 256;
/// Tiles of the matrix units, 16 rows of 64 bytes, lie in different sets of the cache if rows are
/// this many elements longer than a power of two.
constexpr int64_t kPadding = 32;

/// Rows rounded to bfloat16, to be read up to a multiple of 32 of them.
class RoundedRows {
 public:
  RoundedRows(int64_t rows, int64_t columns)
      : stride_(columns + kPadding),
        data_(static_cast<size_t>((rows + kBfloat16Granule - 1) / kBfloat16Granule *
                                  kBfloat16Granule * stride_)) {}
  int64_t stride() const { return stride_; }
  Bfloat16* row(int64_t index) { return data_.data() + index * stride_; }
  const Bfloat16* data() const { return data_.data(); }
  void load(const float* from, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; ++i) to_bfloat16(from + i * columns, columns, row(i));
  }

 private:
  int64_t stride_;
  std::vector<Bfloat16> data_;
};

struct RoundedFeedForward {
  RoundedFeedForward(int64_t tile, int64_t columns)
      : rows(tile, columns),
        rounded(tile, kRoundedBlock),
        block(static_cast<size_t>(tile * kRoundedBlock)) {}
  RoundedRows rows, rounded;
  std::vector<float> block;  // (tile, kRoundedBlock)
};

int64_t panels_of(const FeedForwardBfloat16& layers, int64_t unit) {
  return std::min(kRoundedBlock, layers.first.out - unit);
}

}  // namespace

void frozen_linear_forward(const FrozenBfloat16& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  const auto in = layer.in, out = layer.out;
  by_tiles(
      rows, in / 2 + out, kBfloat16Granule, threads,
      [&](int64_t tile) { return RoundedRows(tile, in); },
      [&](int64_t first, int64_t count, RoundedRows& rounded) {
        rounded.load(x + first * in, count, in);
        bfloat16_product({count, out, in, rounded.data(), rounded.stride(), layer.forward,
                          kBfloat16Granule * in, y + first * out, out, /*accumulate=*/false,
                          layer.bias});
      });
}

void frozen_linear_backward(const FrozenBfloat16& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  const auto in = layer.in, out = layer.out;
  by_tiles(
      rows, in + out / 2, kBfloat16Granule, threads,
      [&](int64_t tile) { return RoundedRows(tile, out); },
      [&](int64_t first, int64_t count, RoundedRows& rounded) {
        rounded.load(y_gradient + first * out, count, out);
        bfloat16_product({count, in, out, rounded.data(), rounded.stride(), layer.backward,
                          layer.backward_panel, x_gradient + first * in, in});
      });
}

void feed_forward_forward(const FeedForwardBfloat16& layers, const float* x, int64_t rows,
                          int threads, Bfloat16* kept, float* y) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  by_tiles(
      rows, in / 2 + 2 * kRoundedBlock + out, kBfloat16Granule, threads,
      [&](int64_t tile) { return RoundedFeedForward(tile, in); },
      [&](int64_t first, int64_t count, RoundedFeedForward& mine) {
        mine.rows.load(x + first * in, count, in);
        for (int64_t unit = 0; unit < inner; unit += kRoundedBlock) {
          const auto units = panels_of(layers, unit);
          bfloat16_product({count, units, in, mine.rows.data(), mine.rows.stride(),
                            layers.first.forward + unit * in, kBfloat16Granule * in,
                            mine.block.data(), kRoundedBlock, /*accumulate=*/false,
                            layers.first.bias + unit});
          for (int64_t row = 0; row < count; ++row) {
            const float* const before = mine.block.data() + row * kRoundedBlock;
            Bfloat16* const after = mine.rounded.row(row);
            if (kept != nullptr) to_bfloat16(before, units, kept + (first + row) * inner + unit);
#pragma omp simd
            for (int64_t i = 0; i < units; ++i) after[i] = to_bfloat16(gelu(before[i]));
          }
          bfloat16_product({count, out, units, mine.rounded.data(), mine.rounded.stride(),
                            layers.second.forward + unit * kBfloat16Granule,
                            kBfloat16Granule * inner, y + first * out, out, /*accumulate=*/unit > 0,
                            layers.second.bias});
        }
      });
}

void feed_forward_backward(const FeedForwardBfloat16& layers, const Bfloat16* kept,
                           const float* y_gradient, int64_t rows, int threads, float* x_gradient) {
  const auto in = layers.first.in, inner = layers.first.out, out = layers.second.out;
  by_tiles(
      rows, out / 2 + 2 * kRoundedBlock + in, kBfloat16Granule, threads,
      [&](int64_t tile) { return RoundedFeedForward(tile, out); },
      [&](int64_t first, int64_t count, RoundedFeedForward& mine) {
        mine.rows.load(y_gradient + first * out, count, out);
        for (int64_t unit = 0; unit < inner; unit += kRoundedBlock) {
          const auto units = panels_of(layers, unit);
          bfloat16_product(
              {count, units, out, mine.rows.data(), mine.rows.stride(),
               layers.second.backward + unit / kBfloat16Granule * layers.second.backward_panel,
               layers.second.backward_panel, mine.block.data(), kRoundedBlock});
          for (int64_t row = 0; row < count; ++row) {
            const float* const gradient = mine.block.data() + row * kRoundedBlock;
            const Bfloat16* const before = kept + (first + row) * inner + unit;
            Bfloat16* const after = mine.rounded.row(row);
#pragma omp simd
            for (int64_t i = 0; i < units; ++i)
              after[i] = to_bfloat16(gradient[i] * gelu_slope(to_float(before[i])));
          }
          bfloat16_product({count, in, units, mine.rounded.data(), mine.rounded.stride(),
                            layers.first.backward + unit * kBfloat16Granule,
                            layers.first.backward_panel, x_gradient + first * in, in,
                            /*accumulate=*/unit > 0});
        }
      });
}

}  // namespace madx::cpu::MADX_CAPABILITY

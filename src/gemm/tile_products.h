#pragma once

#ifdef MADX_MATRIX_UNITS

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "gemm/amx_instructions.h"
#include "gemm/amx_product.h"
#include "gemm/split.h"

namespace madx::gemm::MADX_CAPABILITY {

#define MADX_AMX_BFLOAT16 MADX_AMX_TARGET("amx-bf16")

/// Products on matrix units: a tile register holds 16 rows of 64 bytes, and one instruction
/// multiplies 16 x 32 by 32 x 16 elements of bfloat16 into 16 x 16 sums of float32. `Tiles` are the
/// instructions.
template <class Tiles>
class TileProducts {
 public:
  MADX_AMX_BFLOAT16 static void multiply(const Bfloat16Product& product) {
    for (int64_t n = 0; n < product.n; n += kBlock) {
      const auto* const b = product.b + n / kBlock * product.b_panel;
      const float* const bias = product.bias == nullptr ? nullptr : product.bias + n;
      for (int64_t row = 0; row < product.rows; row += kBlock) {
        sum_block(product.c + row * product.c_stride + n, product.c_stride,
                  std::min(kBlock, product.rows - row), kBlock, product.accumulate, bias,
                  [&](auto upper, auto) MADX_AMX_BFLOAT16 {
                    add_products<decltype(upper)::value>(product,
                                                         product.a + row * product.a_stride, b);
                  });
      }
    }
  }

  MADX_AMX_BFLOAT16 static void multiply(const SplitProduct& product) {
    const auto panel = split_panel_size(product.k);
    Meanwhile meanwhile(product.meanwhile, split_steps(product.rows) * split_steps(product.n) *
                                               split_steps(product.k));
    for (int64_t row = 0; row < product.rows; row += kBlock) {
      for (int64_t n = 0; n < product.n; n += kBlock) {
        sum_block(product.c + row * product.c_stride + n, product.c_stride,
                  std::min(kBlock, product.rows - row), std::min(kBlock, product.n - n),
                  product.accumulate, /*bias=*/nullptr,
                  [&](auto upper, auto left) MADX_AMX_BFLOAT16 {
                    add_split_products<decltype(upper)::value, decltype(left)::value>(
                        product.a + row / kBlock * panel, product.b + n / kBlock * panel, product.k,
                        meanwhile);
                  });
      }
    }
  }

 private:
  static constexpr int64_t kTile = 16, kBlock = 2 * kTile, kDepth = 32;

  /// A block of 32 x 32 sums, of which tiles 0 to 3 hold a quarter each: 0 and 1 the upper half, 0
  /// and 2 the left one. A block may be one half alone, or the quarter that both have.
  struct Block {
    float* c;
    int64_t c_stride;
    bool upper, left;
  };

  MADX_AMX_BFLOAT16 static void begin_block(const Block& block, bool accumulate,
                                            const float* bias) {
    if (accumulate) {
      const auto stride = block.c_stride * static_cast<int64_t>(sizeof(float));
      float* const lower = block.c + kTile * block.c_stride;
      Tiles::template load<0>(block.c, stride);
      if (!block.left) Tiles::template load<1>(block.c + kTile, stride);
      if (block.upper) return;
      Tiles::template load<2>(lower, stride);
      if (!block.left) Tiles::template load<3>(lower + kTile, stride);
    } else if (bias != nullptr) {
      Tiles::template load<0>(bias, 0);  // one row sixteen times
      Tiles::template load<1>(bias + kTile, 0);
      Tiles::template load<2>(bias, 0);
      Tiles::template load<3>(bias + kTile, 0);
    } else {
      Tiles::template zero<0>();
      Tiles::template zero<1>();
      Tiles::template zero<2>();
      Tiles::template zero<3>();
    }
  }

  MADX_AMX_BFLOAT16 static void end_block(const Block& block) {
    const auto stride = block.c_stride * static_cast<int64_t>(sizeof(float));
    float* const lower = block.c + kTile * block.c_stride;
    Tiles::template store<0>(block.c, stride);
    if (!block.left) Tiles::template store<1>(block.c + kTile, stride);
    if (block.upper) return;
    Tiles::template store<2>(lower, stride);
    if (!block.left) Tiles::template store<3>(lower + kTile, stride);
  }

  /// Adds A B to the tiles of a block: A's upper tile is 4, its lower one 5; B's are 6 and 7.
  template <bool kUpper, bool kLeft>
  MADX_AMX_BFLOAT16 static void multiply_loaded() {
    Tiles::template multiply<0, 4, 6>();
    if constexpr (!kLeft) Tiles::template multiply<1, 4, 7>();
    if constexpr (!kUpper) Tiles::template multiply<2, 5, 6>();
    if constexpr (!kUpper && !kLeft) Tiles::template multiply<3, 5, 7>();
  }

  template <bool kUpper>
  MADX_AMX_BFLOAT16 static void add_products(const Bfloat16Product& product, const Bfloat16* a,
                                             const Bfloat16* panel) {
    constexpr int64_t kPairRow = 2 * kBlock;  // elements of a row of B's panel
    const auto a_bytes = product.a_stride * static_cast<int64_t>(sizeof(Bfloat16));
    constexpr auto kPairBytes = kPairRow * static_cast<int64_t>(sizeof(Bfloat16));
    for (int64_t k = 0; k < product.k; k += kDepth) {
      const auto* const b = panel + k / 2 * kPairRow;
      Tiles::template load<4>(a + k, a_bytes);
      Tiles::template load<6>(b, kPairBytes);
      Tiles::template load<7>(b + kPairRow / 2, kPairBytes);
      if constexpr (!kUpper) Tiles::template load<5>(a + kTile * product.a_stride + k, a_bytes);
      multiply_loaded<kUpper, /*kLeft=*/false>();
    }
  }

  static constexpr int64_t kRowBytes = 64, kTileElements = 512;

  /// The two tiles of one part of a step's rows of A, into tiles 4 and 5.
  template <bool kUpper>
  MADX_AMX_BFLOAT16 static void load_a(const Bfloat16* step, Part part) {
    const auto* const tiles = step + static_cast<int64_t>(part) * 2 * kTileElements;
    Tiles::template load<4>(tiles, kRowBytes);
    if constexpr (!kUpper) Tiles::template load<5>(tiles + kTileElements, kRowBytes);
  }

  /// And of B's columns, into tiles 6 and 7.
  template <bool kLeft>
  MADX_AMX_BFLOAT16 static void load_b(const Bfloat16* step, Part part) {
    const auto* const tiles = step + static_cast<int64_t>(part) * 2 * kTileElements;
    Tiles::template load<6>(tiles, kRowBytes);
    if constexpr (!kLeft) Tiles::template load<7>(tiles + kTileElements, kRowBytes);
  }

  /// Spreads the pieces of what is split meanwhile over the steps of a product.
  class Meanwhile {
   public:
    Meanwhile(PanelSplit* split, int64_t steps)
        : split_(split), pieces_(split == nullptr ? 0 : split->pieces()), steps_(steps) {}
    void step() {
      for (due_ += pieces_; due_ >= steps_; due_ -= steps_) split_->next();
    }

   private:
    PanelSplit* split_;
    int64_t pieces_, steps_, due_ = 0;  // of a piece, in parts of steps_
  };

  /// The six products of parts that matter, in an order in which each changes one operand alone.
  template <bool kUpper, bool kLeft>
  MADX_AMX_BFLOAT16 static void add_split_products(const Bfloat16* a, const Bfloat16* b, int64_t k,
                                                   Meanwhile& meanwhile) {
    for (int64_t step = 0; step < k; step += kDepth, a += kSplitStep, b += kSplitStep) {
      load_a<kUpper>(a, Part::kLow);
      load_b<kLeft>(b, Part::kHigh);
      multiply_loaded<kUpper, kLeft>();
      meanwhile.step();
      load_a<kUpper>(a, Part::kMiddle);
      multiply_loaded<kUpper, kLeft>();
      load_b<kLeft>(b, Part::kMiddle);
      multiply_loaded<kUpper, kLeft>();
      load_a<kUpper>(a, Part::kHigh);
      multiply_loaded<kUpper, kLeft>();
      load_b<kLeft>(b, Part::kLow);
      multiply_loaded<kUpper, kLeft>();
      load_b<kLeft>(b, Part::kHigh);
      multiply_loaded<kUpper, kLeft>();
    }
  }

  static void copy(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                   int64_t to_stride) {
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(from + row * from_stride, columns, to + row * to_stride);
  }

  /// Sums a block of which `rows` x `columns` are C's: where C has less than the block, in one
  /// beside C. `add` adds the products; it takes two types, whether they are those of the upper and
  /// of the left half alone.
  template <class Add>
  MADX_AMX_BFLOAT16 static void sum_block(float* c, int64_t c_stride, int64_t rows, int64_t columns,
                                          bool accumulate, const float* bias, Add&& add) {
    alignas(64) float edge[kBlock * kBlock];
    using Yes = std::true_type;
    using No = std::false_type;
    const bool upper = rows <= kTile, left = columns <= kTile;
    const bool whole = rows >= (upper ? kTile : kBlock) && columns >= (left ? kTile : kBlock);
    if (!whole && accumulate) copy(c, c_stride, rows, columns, edge, kBlock);
    const auto block = whole ? Block{c, c_stride, upper, left} : Block{edge, kBlock, upper, left};
    begin_block(block, accumulate, bias);
    if (upper && left) add(Yes(), Yes());
    if (upper && !left) add(Yes(), No());
    if (!upper && left) add(No(), Yes());
    if (!upper && !left) add(No(), No());
    end_block(block);
    if (!whole) copy(edge, kBlock, rows, columns, c, c_stride);
  }
};

#undef MADX_AMX_BFLOAT16

}  // namespace madx::gemm::MADX_CAPABILITY

#endif

#pragma once

#include <cstdint>

#include "madx/gemm/bfloat16.h"

namespace madx::cpu {

using gemm::Bfloat16;
using gemm::has_bfloat16_products;
using gemm::kBfloat16Granule;

/// Orders a matrix B (k, n) for products A B: panels of 32 columns, (n / 32, k / 2, 32, 2), so that
/// the two elements of a column that meet two of A's lie side by side. As many elements as B.
/// `panels` from the weight W (n, k) of a layer, B = W^T:
void pack_transposed(const Bfloat16* weight, int64_t n, int64_t k, Bfloat16* panels);
/// and from B itself, of which `rows` are there, `stride` apart: zeros up to k.
void pack(const Bfloat16* matrix, int64_t rows, int64_t n, int64_t stride, int64_t k,
          Bfloat16* panels);

/// A linear layer whose weight takes no gradient, in bfloat16; products sum in float32.
struct FrozenBfloat16 {
  const Bfloat16* forward;   ///< W^T packed: panels of 32 outputs
  const Bfloat16* backward;  ///< W packed: panels of 32 inputs; null where nothing goes back
  int64_t backward_panel;    ///< elements from one panel of `backward` to the next
  const float* bias;         ///< (out)
  int64_t in;                ///< a multiple of kBfloat16Granule
  int64_t out;               ///< a multiple of kBfloat16Granule
};

/// y = x W^T + b: x (rows, in), rounded to bfloat16 -> y (rows, out).
void frozen_linear_forward(const FrozenBfloat16& layer, const float* x, int64_t rows, int threads,
                           float* y);

/// x_gradient (rows, in) = y_gradient (rows, out), rounded to bfloat16, times W.
void frozen_linear_backward(const FrozenBfloat16& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient);

/// As FeedForward in madx/cpu/frozen_linear.h.
struct FeedForwardBfloat16 {
  FrozenBfloat16 first;   ///< (inner, in)
  FrozenBfloat16 second;  ///< (out, inner)
};

/// x (rows, in) -> y (rows, out). `kept` (rows, inner; null where there will be no backward pass)
/// takes x W_1^T + b_1.
void feed_forward_forward(const FeedForwardBfloat16& layers, const float* x, int64_t rows,
                          int threads, Bfloat16* kept, float* y);

/// x_gradient (rows, in) from y_gradient (rows, out) and what the forward pass kept.
void feed_forward_backward(const FeedForwardBfloat16& layers, const Bfloat16* kept,
                           const float* y_gradient, int64_t rows, int threads, float* x_gradient);

}  // namespace madx::cpu

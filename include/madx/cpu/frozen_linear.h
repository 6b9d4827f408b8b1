#pragma once

#include <cstdint>

#include "madx/gemm/products.h"

namespace madx::cpu {

/// A linear layer whose weight takes no gradient; float32, row-major, dense.
struct FrozenWeight {
  const float* weight;                                 ///< (out, in)
  const float* bias;                                   ///< (out)
  int64_t in;                                          ///< size of x
  int64_t out;                                         ///< size of y
  gemm::Products products = gemm::default_products();  ///< which units multiply
};

/// y = x W^T + b: x (rows, in) -> y (rows, out).
void frozen_linear_forward(const FrozenWeight& layer, const float* x, int64_t rows, int threads,
                           float* y);

/// x_gradient (rows, in) = y_gradient (rows, out) W.
void frozen_linear_backward(const FrozenWeight& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient);

/// Two layers with exact gelu between them: y = gelu(x W_1^T + b_1) W_2^T + b_2. Rows go through
/// both a tile at a time; the wide matrix between them is never whole in memory.
struct FeedForward {
  FrozenWeight first;   ///< (inner, in); its `products` are both layers'
  FrozenWeight second;  ///< (out, inner)
};

/// Floats that `kept` needs in the two functions below.
int64_t feed_forward_kept(const FeedForward& layers, int64_t rows, int threads);

/// x (rows, in) -> y (rows, out). `kept` (null where there will be no backward pass) takes
/// x W_1^T + b_1, in an order of its own that depends on rows and threads.
void feed_forward_forward(const FeedForward& layers, const float* x, int64_t rows, int threads,
                          float* kept, float* y);

/// x_gradient (rows, in) from y_gradient (rows, out) and what the forward pass kept, with the same
/// rows and threads.
void feed_forward_backward(const FeedForward& layers, const float* kept, const float* y_gradient,
                           int64_t rows, int threads, float* x_gradient);

}  // namespace madx::cpu

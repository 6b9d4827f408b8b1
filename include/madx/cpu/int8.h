#pragma once

#include <cstdint>

#include "madx/cpu/bfloat16.h"
#include "madx/gemm/int8.h"

namespace madx::cpu {

using gemm::has_int8_products;
using gemm::Int8Matrix;
using gemm::kInt8Granule;
/// Products of 8 bits that a sum of 32 bits holds, whatever they are.
inline constexpr int64_t kInt8MostInputs = 65000;

/// What a weight becomes: panels, (n k) bytes, and scales, (n), of an Int8Matrix B (k, n).
struct Int8Panels {
  int8_t* panels;  ///< (n k) bytes
  float* scales;   ///< (n)
};

/// B = W^T of a layer's weight W (out, in), n = out: each output's largest element becomes 127. The
/// `exact` columns of W count as 0. An output of which an element is no finite number has NaN for
/// its scale, and so in every product; of one whose scale is below 2^-126, all elements become 0.
void quantise(const float* weight, int64_t out, int64_t in, const int32_t* exact,
              int64_t exact_count, const Int8Panels& panels);

/// W (out, in) as it now is, from its panels; the exact columns are 0.
void dequantise(const Int8Matrix& matrix, int64_t out, int64_t in, float* weight);

/// A linear layer whose weight takes no gradient, in int8; rows of activations are quantised as
/// they come, each by its own range, and sums are exact.
struct FrozenInt8 {
  Int8Matrix forward;   ///< W^T: (in, out)
  Int8Matrix backward;  ///< W: (out, in); no panels where nothing goes back
  const float* bias;    ///< (out)
  int64_t in;           ///< a multiple of kInt8Granule
  int64_t out;          ///< a multiple of kInt8Granule
  /// Columns of x that are far larger than the others, and would cost them their precision. They
  /// are multiplied in float32.
  const int32_t* exact;        ///< (exact_count), in [0, in)
  const float* exact_weights;  ///< (exact_count, out), rows exact_stride apart
  int64_t exact_count;         ///< how many; 0 for none
  int64_t exact_stride;        ///< elements from one row of `exact_weights` to the next
};

/// y = x W^T + b: x (rows, in) -> y (rows, out).
void frozen_linear_forward(const FrozenInt8& layer, const float* x, int64_t rows, int threads,
                           float* y);

/// x_gradient (rows, in) = y_gradient (rows, out), quantised, times W.
void frozen_linear_backward(const FrozenInt8& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient);

/// As FeedForward in madx/cpu/frozen_linear.h. The second layer has no exact columns.
struct FeedForwardInt8 {
  FrozenInt8 first;   ///< (inner, in)
  FrozenInt8 second;  ///< (out, inner)
};

/// x (rows, in) -> y (rows, out). `kept` (rows, inner; null where there will be no backward pass)
/// takes x W_1^T + b_1.
void feed_forward_forward(const FeedForwardInt8& layers, const float* x, int64_t rows, int threads,
                          Bfloat16* kept, float* y);

/// x_gradient (rows, in) from y_gradient (rows, out) and what the forward pass kept.
void feed_forward_backward(const FeedForwardInt8& layers, const Bfloat16* kept,
                           const float* y_gradient, int64_t rows, int threads, float* x_gradient);

}  // namespace madx::cpu

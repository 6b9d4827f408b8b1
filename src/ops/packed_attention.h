#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace madx::ops::detail {

/// Attention of equal lengths by LibTorch's own op, which on CUDA keeps no scores: flash or
/// memory-efficient kernels. q, k, v (count, heads, length, width) -> (count * q_len, hidden).
at::Tensor attend_by_sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          double dropout);

/// Attention of `count` sequences of equal lengths: q (count * q_len, hidden), k and v (count *
/// k_len, hidden).
at::Tensor attend_equal(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        int64_t count, int64_t heads, double dropout);

}  // namespace madx::ops::detail

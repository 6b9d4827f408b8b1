#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "madx/core/row_offsets.h"

namespace madx::ops {

/// Multi-head attention over packed rows: every query attends to the keys of its own sequence and
/// to no padding, because there is none. q (query rows, hidden), kv (rows, 2 * hidden), keys before
/// values -> (query rows, hidden). `dropout` acts on the attention weights. A
/// query whose sequence has no keys gives zeros. Throws c10::Error where shapes, types or devices
/// disagree, and for offsets that do not begin with 0, fall, or end elsewhere than the rows.
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& kv, const RowOffsets& q_offsets,
                            const RowOffsets& k_offsets, int64_t heads, double dropout);

/// Self-attention of all rows: qkv (rows, 3 * hidden), queries, keys, values -> (rows, hidden). The
/// same errors.
at::Tensor packed_attention(const at::Tensor& qkv, const RowOffsets& offsets, int64_t heads,
                            double dropout);

/// The composite form of `packed_attention`, whatever the device, with keys and values apart: what
/// kernels are tested and timed against. Neighbouring sequences of the same lengths go through one
/// product. It checks nothing itself; what does not fit, LibTorch's operations refuse.
at::Tensor packed_attention_composite(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                      int64_t heads, double dropout);

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace madx::ops {

/// Rows of several sequences laid end to end: sequence s owns rows [offsets[s], offsets[s + 1]).
using RowOffsets = std::vector<int64_t>;

namespace detail {

/// Attention of `count` sequences of equal lengths: q (count * q_len, hidden), k and v (count *
/// k_len, hidden).
inline at::Tensor attend_equal(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               int64_t count, int64_t heads, double dropout) {
  const auto hidden = q.size(1), width = hidden / heads;
  const auto split = [&](const at::Tensor& x) {  // (count, heads, length, width)
    return x.reshape({count, -1, heads, width}).transpose(1, 2);
  };
  const auto scores = at::matmul(split(q), split(k).transpose(-1, -2)) / std::sqrt(width);
  auto weights = at::softmax(scores, /*dim=*/-1);  // (count, heads, q_len, k_len)
  if (dropout > 0) weights = at::dropout(weights, dropout, /*train=*/true);
  return at::matmul(weights, split(v)).transpose(1, 2).reshape({q.size(0), hidden});
}

}  // namespace detail

/// Multi-head self-attention over packed rows: every query attends to the keys of its own sequence
/// and to no padding, because there is none. Consecutive sequences of the same lengths go through
/// one matrix product. q (query rows, hidden), k and v (rows, hidden) -> (query rows, hidden).
/// `dropout` acts on the attention weights.
inline at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                   const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                   int64_t heads, double dropout) {
  TORCH_CHECK(q_offsets.size() == k_offsets.size() && !q_offsets.empty(),
              "packed_attention: expected as many query as key sequences, but got ",
              q_offsets.size(), " and ", k_offsets.size(), " offsets");
  TORCH_CHECK(q_offsets.back() == q.size(0) && k_offsets.back() == k.size(0),
              "packed_attention: expected offsets that end at ", q.size(0), " and ", k.size(0),
              " rows, but they end at ", q_offsets.back(), " and ", k_offsets.back());
  std::vector<at::Tensor> parts;
  const auto sequences = q_offsets.size() - 1;
  for (size_t first = 0; first < sequences;) {
    const auto q_len = q_offsets[first + 1] - q_offsets[first];
    const auto k_len = k_offsets[first + 1] - k_offsets[first];
    auto last = first + 1;
    while (last < sequences && q_offsets[last + 1] - q_offsets[last] == q_len &&
           k_offsets[last + 1] - k_offsets[last] == k_len) {
      ++last;
    }
    const auto count = static_cast<int64_t>(last - first);
    if (q_len > 0) {
      const auto keys = [&](const at::Tensor& x) {
        return x.narrow(0, k_offsets[first], count * k_len);
      };
      parts.push_back(detail::attend_equal(q.narrow(0, q_offsets[first], count * q_len), keys(k),
                                           keys(v), count, heads, dropout));
    }
    first = last;
  }
  return parts.empty() ? q : parts.size() == 1 ? parts[0] : at::cat(parts, /*dim=*/0);
}

}  // namespace madx::ops

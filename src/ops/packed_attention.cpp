#include "madx/ops/packed_attention.h"

#include <cmath>
#include <vector>

#include "madx/ops/batch_part.h"
#include "madx/ops/checks.h"
#include "ops/cpu_kernel.h"
#include "ops/packed_attention.h"
#include "ops/packed_attention_cpu.h"
#include "ops/schema.h"

namespace madx::ops {

namespace detail {

at::Tensor attend_by_sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          double dropout) {
  const auto out = at::scaled_dot_product_attention(q, k, v, /*attn_mask=*/{}, dropout);
  return out.transpose(1, 2).reshape({q.size(0) * q.size(2), q.size(1) * q.size(3)});
}

at::Tensor attend_equal(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        int64_t count, int64_t heads, double dropout) {
  const auto hidden = q.size(1), width = hidden / heads;
  const auto split = [&](const at::Tensor& x) {  // (count, heads, length, width)
    return x.reshape({count, -1, heads, width}).transpose(1, 2);
  };
  if (q.is_cuda()) return attend_by_sdpa(split(q), split(k), split(v), dropout);
  const auto scores = at::matmul(split(q), split(k).transpose(-1, -2)) / std::sqrt(width);
  auto weights = at::softmax(scores, /*dim=*/-1);  // (count, heads, q_len, k_len)
  if (dropout > 0) weights = ops::dropout(weights, dropout);
  return at::matmul(weights, split(v)).transpose(1, 2).reshape({q.size(0), hidden});
}

}  // namespace detail

at::Tensor packed_attention_composite(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                      int64_t heads, double dropout) {
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

namespace detail {

at::Tensor packed_attention_op(const at::Tensor& q, const at::Tensor& kv,
                               at::IntArrayRef q_offset_list, at::IntArrayRef k_offset_list,
                               int64_t heads, double dropout) {
  const RowOffsets q_offsets = q_offset_list.vec(), k_offsets = k_offset_list.vec();
  TORCH_CHECK(q.dim() == 2 && kv.dim() == 2 && heads > 0,
              "packed_attention: expected queries, and keys and values, of two dimensions and at "
              "least one head, but got ",
              q.sizes(), ", ", kv.sizes(), " and ", heads, " heads");
  check_kind("packed_attention", {q, kv});
  check_dropout("packed_attention", dropout);
  TORCH_CHECK(q_offsets.size() == k_offsets.size() && !q_offsets.empty(),
              "packed_attention: expected as many query as key sequences, but got ",
              q_offsets.size(), " and ", k_offsets.size(), " offsets");
  check_offsets("packed_attention", q_offsets);
  check_offsets("packed_attention", k_offsets);
  TORCH_CHECK(q_offsets.back() == q.size(0) && k_offsets.back() == kv.size(0),
              "packed_attention: expected offsets that end at ", q.size(0), " and ", kv.size(0),
              " rows, but they end at ", q_offsets.back(), " and ", k_offsets.back());
  const auto hidden = q.size(1);
  TORCH_CHECK(kv.size(1) == 2 * hidden && hidden % heads == 0,
              "packed_attention: expected keys and values of ", 2 * hidden, " columns for ", heads,
              " heads, but got ", kv.size(1));
  if (takes_cpu_kernel({q, kv})) {
    return packed_attention_cpu(q.contiguous(), kv.contiguous(), q_offsets, k_offsets, heads,
                                dropout);
  }
  return packed_attention_composite(q, kv.narrow(1, 0, hidden), kv.narrow(1, hidden, hidden),
                                    q_offsets, k_offsets, heads, dropout);
}

at::Tensor packed_self_attention_op(const at::Tensor& qkv, at::IntArrayRef offset_list,
                                    int64_t heads, double dropout) {
  const RowOffsets offsets = offset_list.vec();
  TORCH_CHECK(qkv.dim() == 2 && heads > 0,
              "packed_attention: expected queries, keys and values of two dimensions and at least "
              "one head, but got ",
              qkv.sizes(), " and ", heads, " heads");
  check_kind("packed_attention", {qkv});
  check_dropout("packed_attention", dropout);
  check_offsets("packed_attention", offsets);
  const auto hidden = qkv.size(1) / 3;
  TORCH_CHECK(offsets.back() == qkv.size(0), "packed_attention: expected offsets that end at ",
              qkv.size(0), " rows, but they end at ", offsets.back());
  TORCH_CHECK(qkv.size(1) % (3 * heads) == 0, "packed_attention: expected columns for three times ",
              heads, " heads, but got ", qkv.size(1));
  if (takes_cpu_kernel({qkv})) {
    return packed_attention_cpu(qkv.contiguous(), /*keys=*/{}, offsets, offsets, heads, dropout);
  }
  const auto part = [&](int64_t index) { return qkv.narrow(1, index * hidden, hidden); };
  return packed_attention_composite(part(0), part(1), part(2), offsets, offsets, heads, dropout);
}

}  // namespace detail

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& kv, const RowOffsets& q_offsets,
                            const RowOffsets& k_offsets, int64_t heads, double dropout) {
  static const auto op =
      detail::operator_handle<decltype(detail::packed_attention_op)>("madx::packed_attention");
  return op.call(q, kv, q_offsets, k_offsets, heads, dropout);
}

at::Tensor packed_attention(const at::Tensor& qkv, const RowOffsets& offsets, int64_t heads,
                            double dropout) {
  static const auto op = detail::operator_handle<decltype(detail::packed_self_attention_op)>(
      "madx::packed_attention", "self");
  return op.call(qkv, offsets, heads, dropout);
}

}  // namespace madx::ops

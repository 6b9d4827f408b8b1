#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "madx/core/row_offsets.h"
#include "madx/cpu/attention.h"
#include "madx/ops/checks.h"
#include "madx/ops/cpu_kernel.h"
#include "madx/ops/once_differentiable.h"
#include "madx/ops/random_seed.h"
#include "madx/ops/schema.h"

namespace madx::ops {

namespace detail {

/// Attention of equal lengths by LibTorch's own op, which on CUDA keeps no scores: flash or
/// memory-efficient kernels. q, k, v (count, heads, length, width) -> (count * q_len, hidden).
inline at::Tensor attend_by_sdpa(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 double dropout) {
  const auto out = at::scaled_dot_product_attention(q, k, v, /*attn_mask=*/{}, dropout);
  return out.transpose(1, 2).reshape({q.size(0) * q.size(2), q.size(1) * q.size(3)});
}

/// Attention of `count` sequences of equal lengths: q (count * q_len, hidden), k and v (count *
/// k_len, hidden).
inline at::Tensor attend_equal(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               int64_t count, int64_t heads, double dropout) {
  const auto hidden = q.size(1), width = hidden / heads;
  const auto split = [&](const at::Tensor& x) {  // (count, heads, length, width)
    return x.reshape({count, -1, heads, width}).transpose(1, 2);
  };
  if (q.is_cuda()) return attend_by_sdpa(split(q), split(k), split(v), dropout);
  const auto scores = at::matmul(split(q), split(k).transpose(-1, -2)) / std::sqrt(width);
  auto weights = at::softmax(scores, /*dim=*/-1);  // (count, heads, q_len, k_len)
  if (dropout > 0) weights = at::dropout(weights, dropout, /*train=*/true);
  return at::matmul(weights, split(v)).transpose(1, 2).reshape({q.size(0), hidden});
}

/// Neighbouring sequences of the same lengths go through one product.
inline at::Tensor packed_attention_plain(const at::Tensor& q, const at::Tensor& k,
                                         const at::Tensor& v, const RowOffsets& q_offsets,
                                         const RowOffsets& k_offsets, int64_t heads,
                                         double dropout) {
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
      parts.push_back(attend_equal(q.narrow(0, q_offsets[first], count * q_len), keys(k), keys(v),
                                   count, heads, dropout));
    }
    first = last;
  }
  return parts.empty() ? q : parts.size() == 1 ? parts[0] : at::cat(parts, /*dim=*/0);
}

/// The op on the kernels of madx/cpu. One matrix (rows, 3 * hidden) of queries, keys and values, or
/// queries apart and (rows, 2 * hidden) of keys and values: gradients come in the same form, so
/// nothing is cut up or put together.
struct CpuPackedAttention : torch::autograd::Function<CpuPackedAttention> {
  using Context = torch::autograd::AutogradContext;

  /// Where queries, keys and values lie in one or two matrices.
  template <class RowsType, class Data>
  static std::array<RowsType, 3> views(const at::Tensor& first, const at::Tensor& second,
                                       Data&& data) {
    const bool apart = second.defined();
    const auto& keys = apart ? second : first;
    const auto hidden = keys.size(1) / (apart ? 2 : 3);
    auto* k = data(keys) + (apart ? 0 : hidden);
    return {RowsType{data(first), first.size(1)}, RowsType{k, keys.size(1)},
            RowsType{k + hidden, keys.size(1)}};
  }

  static std::array<cpu::ConstRows, 3> inputs(const at::Tensor& first, const at::Tensor& second) {
    return views<cpu::ConstRows>(
        first, second, [](const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); });
  }

  static cpu::AttentionShape shape(const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                   int64_t heads, int64_t hidden) {
    return {q_offsets.data(), k_offsets.data(), static_cast<int64_t>(q_offsets.size()) - 1, heads,
            hidden / heads};
  }

  static at::Tensor forward(Context* ctx, const at::Tensor& first,
                            const std::optional<at::Tensor>& keys, const RowOffsets& q_offsets,
                            const RowOffsets& k_offsets, int64_t heads, double dropout) {
    const auto second = keys.value_or(at::Tensor());
    const auto hidden = second.defined() ? first.size(1) : first.size(1) / 3;
    const auto seed = dropout > 0 ? random_seed() : 0;
    const auto [q, k, v] = inputs(first, second);
    auto out = at::empty({first.size(0), hidden}, first.options());
    cpu::attention_forward(shape(q_offsets, k_offsets, heads, hidden), q, k, v, dropout, seed,
                           at::get_num_threads(), {out.data_ptr<float>(), hidden});
    ctx->save_for_backward({first, second});
    ctx->saved_data["q_offsets"] = q_offsets;
    ctx->saved_data["k_offsets"] = k_offsets;
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["dropout"] = dropout;
    ctx->saved_data["seed"] = static_cast<int64_t>(seed);
    return out;
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    refuse_double_backward("packed_attention");
    const auto saved = ctx->get_saved_variables();
    const auto &first = saved[0], &second = saved[1];
    const auto out_gradient = outputs[0].contiguous();
    const auto first_gradient = at::empty_like(first);
    const auto second_gradient = second.defined() ? at::empty_like(second) : at::Tensor();
    const auto q_offsets = ctx->saved_data["q_offsets"].toIntVector();
    const auto k_offsets = ctx->saved_data["k_offsets"].toIntVector();
    const auto [q, k, v] = inputs(first, second);
    const auto [dq, dk, dv] =
        views<cpu::Rows>(first_gradient, second_gradient,
                         [](const at::Tensor& tensor) { return tensor.data_ptr<float>(); });
    cpu::attention_backward(
        shape(q_offsets, k_offsets, ctx->saved_data["heads"].toInt(), out_gradient.size(1)), q, k,
        v, {out_gradient.const_data_ptr<float>(), out_gradient.size(1)},
        ctx->saved_data["dropout"].toDouble(),
        static_cast<uint64_t>(ctx->saved_data["seed"].toInt()), at::get_num_threads(), dq, dk, dv);
    return {first_gradient, second_gradient, at::Tensor(),
            at::Tensor(),   at::Tensor(),    at::Tensor()};
  }
};

/// madx::packed_attention.
inline at::Tensor packed_attention_op(const at::Tensor& q, const at::Tensor& kv,
                                      at::IntArrayRef q_ends, at::IntArrayRef k_ends, int64_t heads,
                                      double dropout) {
  const RowOffsets q_offsets = q_ends.vec(), k_offsets = k_ends.vec();
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
    return CpuPackedAttention::apply(q.contiguous(), std::make_optional(kv.contiguous()), q_offsets,
                                     k_offsets, heads, dropout);
  }
  return packed_attention_plain(q, kv.narrow(1, 0, hidden), kv.narrow(1, hidden, hidden), q_offsets,
                                k_offsets, heads, dropout);
}

/// madx::packed_attention.self.
inline at::Tensor packed_self_attention_op(const at::Tensor& qkv, at::IntArrayRef ends,
                                           int64_t heads, double dropout) {
  const RowOffsets offsets = ends.vec();
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
    return CpuPackedAttention::apply(qkv.contiguous(), std::optional<at::Tensor>(), offsets,
                                     offsets, heads, dropout);
  }
  const auto part = [&](int64_t index) { return qkv.narrow(1, index * hidden, hidden); };
  return packed_attention_plain(part(0), part(1), part(2), offsets, offsets, heads, dropout);
}

}  // namespace detail

/// Multi-head attention over packed rows: every query attends to the keys of its own sequence and
/// to no padding, because there is none. q (query rows, hidden), kv (rows, 2 * hidden), keys before
/// values -> (query rows, hidden). `dropout` acts on the attention weights. A
/// query whose sequence has no keys gives zeros. Throws c10::Error where shapes, types or devices
/// disagree, and for offsets that do not begin with 0, fall, or end elsewhere than the rows.
inline at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& kv,
                                   const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                   int64_t heads, double dropout) {
  static const auto op =
      detail::operator_handle<decltype(detail::packed_attention_op)>("madx::packed_attention");
  return op.call(q, kv, q_offsets, k_offsets, heads, dropout);
}

/// Self-attention of all rows: qkv (rows, 3 * hidden), queries, keys, values -> (rows, hidden).
inline at::Tensor packed_attention(const at::Tensor& qkv, const RowOffsets& offsets, int64_t heads,
                                   double dropout) {
  static const auto op = detail::operator_handle<decltype(detail::packed_self_attention_op)>(
      "madx::packed_attention", "self");
  return op.call(qkv, offsets, heads, dropout);
}

}  // namespace madx::ops

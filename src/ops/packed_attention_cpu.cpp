#include "ops/packed_attention_cpu.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "madx/cpu/attention.h"
#include "madx/ops/random_seed.h"
#include "ops/once_differentiable.h"
#include "ops/row_numbers.h"

namespace madx::ops::detail {

namespace {

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
                                   int64_t heads, int64_t hidden, const at::Tensor& q_numbers) {
    return {
        q_offsets.data(), k_offsets.data(),       static_cast<int64_t>(q_offsets.size()) - 1, heads,
        hidden / heads,   numbers_data(q_numbers)};
  }

  static at::Tensor forward(Context* ctx, const at::Tensor& first,
                            const std::optional<at::Tensor>& keys, const RowOffsets& q_offsets,
                            const RowOffsets& k_offsets, int64_t heads, double dropout) {
    const auto second = keys.value_or(at::Tensor());
    const auto hidden = second.defined() ? first.size(1) : first.size(1) / 3;
    const auto seed = dropout > 0 ? random_seed() : 0;
    const auto numbers =
        dropout > 0 ? row_numbers("packed_attention", first.size(0)) : at::Tensor();
    const auto [q, k, v] = inputs(first, second);
    auto out = at::empty({first.size(0), hidden}, first.options());
    cpu::attention_forward(
        {shape(q_offsets, k_offsets, heads, hidden, numbers), q, k, v, dropout, seed},
        at::get_num_threads(), {out.data_ptr<float>(), hidden});
    ctx->save_for_backward({first, second, numbers});
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
    const cpu::AttentionInput input{shape(q_offsets, k_offsets, ctx->saved_data["heads"].toInt(),
                                          out_gradient.size(1), saved[2]),
                                    q,
                                    k,
                                    v,
                                    ctx->saved_data["dropout"].toDouble(),
                                    static_cast<uint64_t>(ctx->saved_data["seed"].toInt())};
    cpu::attention_backward(input, {out_gradient.const_data_ptr<float>(), out_gradient.size(1)},
                            at::get_num_threads(), {dq, dk, dv});
    return {first_gradient, second_gradient, at::Tensor(),
            at::Tensor(),   at::Tensor(),    at::Tensor()};
  }
};

}  // namespace

at::Tensor packed_attention_cpu(const at::Tensor& first, const std::optional<at::Tensor>& keys,
                                const RowOffsets& q_offsets, const RowOffsets& k_offsets,
                                int64_t heads, double dropout) {
  return CpuPackedAttention::apply(first, keys, q_offsets, k_offsets, heads, dropout);
}

}  // namespace madx::ops::detail

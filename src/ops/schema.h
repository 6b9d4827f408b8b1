#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <string_view>

#include "madx/ops/register_ops.h"

namespace madx::ops {

/// The operators of TORCH_LIBRARY(madx), by schema. Rows are tokens of packed sequences; weights
/// are shaped as in torch::nn::Linear, (out, in).
///
/// Each has one implementation for all devices, to the dispatcher CompositeImplicitAutograd
/// (docs/design.md, "Operators"). It checks its arguments and takes the CPU's kernel (x_cpu.cpp) or
/// the CUDA kernel (x_cuda.cpp), which bring their own backward pass, or else the composite form in
/// LibTorch's own operations, which are differentiated like any. So one set of checks holds
/// everywhere, and meta tensors, other devices, torch.func and torch.compile get the composite
/// form. C++ alone has what schemas do not say, weights that are packed (PackedWeight) or rounded,
/// and the feed-forward block and the embeddings.
inline constexpr const char* kSchemas[] = {
    // f, a (rows, hidden) -> (rows, hidden). `weights`: down (bottleneck, hidden), its bias, up
    // (hidden, bottleneck), its bias, of each adapter. Group i has `group_rows[i]` rows, which go
    // through `group_sizes[i]` adapters; `group_adapters` are the groups' stacks end to end,
    // bottom first, as indices of adapters.
    "adapter_site(Tensor f, Tensor a, Tensor norm_weight, Tensor norm_bias, float norm_eps, "
    "float dropout, int[] group_rows, int[] group_sizes, int[] group_adapters, Tensor[] weights) "
    "-> Tensor",
    // x (rows, hidden) -> (rows, hidden). `weights`: of each group F's down, its bias, F's up, its
    // bias, and the same of G.
    "coupling(Tensor x, int[] group_rows, Tensor[] weights, str activation, bool inverse) "
    "-> Tensor",
    // q (query rows, hidden), kv (rows, 2 hidden), offsets (sequences + 1) -> (query rows, hidden)
    "packed_attention(Tensor q, Tensor kv, int[] q_offsets, int[] k_offsets, int heads, "
    "float dropout) -> Tensor",
    // qkv (rows, 3 hidden) -> (rows, hidden)
    "packed_attention.self(Tensor qkv, int[] offsets, int heads, float dropout) -> Tensor",
    // x (..., in), weight (out, in), bias (out) -> (..., out)
    "frozen_linear(Tensor x, Tensor weight, Tensor bias) -> Tensor",
    // x (rows, hidden), weight (vocabulary, hidden), bias (vocabulary), targets (rows) -> ()
    "linear_cross_entropy(Tensor x, Tensor weight, Tensor bias, Tensor targets) -> Tensor",
};

namespace detail {

at::Tensor adapter_site_op(const at::Tensor& f, const at::Tensor& a, const at::Tensor& norm_weight,
                           const at::Tensor& norm_bias, double norm_eps, double dropout,
                           at::IntArrayRef group_rows, at::IntArrayRef group_sizes,
                           at::IntArrayRef group_adapters, at::TensorList weights);
at::Tensor coupling_op(const at::Tensor& x, at::IntArrayRef group_rows, at::TensorList weights,
                       std::string_view activation, bool inverse);
at::Tensor packed_attention_op(const at::Tensor& q, const at::Tensor& kv,
                               at::IntArrayRef q_offset_list, at::IntArrayRef k_offset_list,
                               int64_t heads, double dropout);
at::Tensor packed_self_attention_op(const at::Tensor& qkv, at::IntArrayRef offset_list,
                                    int64_t heads, double dropout);
at::Tensor frozen_linear_op(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
at::Tensor linear_cross_entropy_op(const at::Tensor& x, const at::Tensor& weight,
                                   const at::Tensor& bias, const at::Tensor& targets);

/// An operator as a typed function.
template <class Function>
c10::TypedOperatorHandle<Function> operator_handle(const char* name, const char* overload = "") {
  register_ops();
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Function>();
}

}  // namespace detail

}  // namespace madx::ops

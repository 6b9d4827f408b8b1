#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace madx::ops {

/// The operators of TORCH_LIBRARY(madx), by schema. Rows are tokens of packed sequences; weights
/// are shaped as in torch::nn::Linear, (out, in).
///
/// Each has one implementation for all devices, to the dispatcher CompositeImplicitAutograd
/// (docs/design.md, "Operators"). It checks its arguments and takes the CPU's kernel (x_cpu.h) or
/// the CUDA kernel (x_cuda.h), which bring their own backward pass, or else the composite form in
/// LibTorch's own operations, which are differentiated like any. So one set of checks holds
/// everywhere, and meta tensors, other devices, torch.func and torch.compile get the composite
/// form. What schemas do not say is C++ alone: packed weights (PackedWeight), and
/// the feed-forward block.
inline constexpr const char* kSchemas[] = {
    // f, a (rows, hidden) -> (rows, hidden). `weights`: down (bottleneck, hidden), its bias, up
    // (hidden, bottleneck), its bias, of each adapter. Group i has `group_rows[i]` rows, which go
    // through `group_sizes[i]` adapters; `group_adapters` are the groups' stacks end to end,
    // bottom first, as indices of adapters.
    "adapter_site(Tensor f, Tensor a, Tensor norm_weight, Tensor norm_bias, float norm_eps, "
    "float dropout, int[] group_rows, int[] group_sizes, int[] group_adapters, Tensor[] weights) "
    "-> Tensor",
    // x (rows, hidden) -> (rows, hidden). `weights`: of each group F's first layer, its bias, F's
    // second layer, its bias, and the same of G.
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

/// Makes the operators known to LibTorch's dispatcher: to profilers, TorchScript and, from a shared
/// library, to Python. Every function of madx::ops calls it before its first dispatch; a program
/// that loads a TorchScript archive with such operators calls it before. Any number of calls, from
/// any number of threads, is one.
void register_ops();

namespace detail {

/// An operator as a typed function.
template <class Function>
c10::TypedOperatorHandle<Function> operator_handle(const char* name, const char* overload = "") {
  register_ops();
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Function>();
}

}  // namespace detail

}  // namespace madx::ops

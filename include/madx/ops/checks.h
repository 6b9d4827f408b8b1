#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <initializer_list>

// Checks that ops share. Kernels take pointers and sizes: what does not fit is refused before, in
// words, and on every path alike.
namespace madx::ops {

/// Throws c10::Error, with `op` and `what` in its words, unless `numbers`, of any shape, are of
/// int64, each in [0, size). Numbers on a GPU are not waited for: what reads them checks there. Nor
/// are those read that have no data, as under torch.compile.
void check_numbers(const char* op, const char* what, const at::Tensor& numbers, int64_t size);

namespace detail {

/// All of one type and on one device: kernels and LibTorch's own products mix none.
void check_kind(const char* op, std::initializer_list<at::Tensor> tensors);

void check_dropout(const char* op, double dropout);

/// Whether kernels find the tensor's data at its address. Those of torch.compile and of torch.func,
/// which stand for others, go to an op's composite form, as do meta tensors.
bool has_data(const at::Tensor& tensor);

}  // namespace detail

}  // namespace madx::ops

#pragma once

#include <ATen/ATen.h>

#include <cstdint>

// What kernels ask about the part of a batch that their rows are (madx/ops/batch_part.h).
namespace madx::ops::detail {

/// The numbers of x's rows, by which a kernel draws its dropout: (rows) int64; undefined for a
/// whole batch, whose rows are numbered from 0.
at::Tensor row_numbers(const char* op, int64_t rows);

inline const int64_t* numbers_data(const at::Tensor& numbers) {
  return numbers.defined() ? numbers.const_data_ptr<int64_t>() : nullptr;
}

/// Kernels that number rows from 0 take whole batches alone.
void refuse_part(const char* op);

}  // namespace madx::ops::detail

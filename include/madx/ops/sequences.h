#pragma once

#include <ATen/ATen.h>

#include "madx/core/row_offsets.h"

namespace madx::ops {

/// The number of each row's sequence: (rows) int64.
at::Tensor sequence_of_rows(const RowOffsets& offsets, const at::Device& device);

/// The mean over the rows of each sequence, at each of its rows: x (rows, columns) -> the same
/// shape.
at::Tensor sequence_means(const at::Tensor& x, const RowOffsets& offsets);

/// Stochastic depth (Huang et al. 2016): with probability `p` all rows of a sequence become zeros;
/// those that stay are divided by 1 - p. x (rows, columns) -> the same shape
at::Tensor stochastic_depth(const at::Tensor& x, const RowOffsets& offsets, double p);

}  // namespace madx::ops

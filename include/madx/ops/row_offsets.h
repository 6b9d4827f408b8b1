#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace madx::ops {

/// Where each sequence of packed rows begins, and where the last one ends: sequence s owns rows
/// [offsets[s], offsets[s + 1]).
using RowOffsets = std::vector<int64_t>;

/// The number of each row's sequence: (rows) int64.
inline at::Tensor sequence_of_rows(const RowOffsets& offsets, const at::Device& device) {
  std::vector<int64_t> sequences;
  sequences.reserve(static_cast<size_t>(offsets.back()));
  for (size_t s = 0; s + 1 < offsets.size(); ++s)
    sequences.insert(sequences.end(), static_cast<size_t>(offsets[s + 1] - offsets[s]),
                     static_cast<int64_t>(s));
  return at::tensor(sequences, at::kLong).to(device);
}

/// The mean over the rows of each sequence, at each of its rows: x (rows, columns) -> the same
/// shape.
inline at::Tensor sequence_means(const at::Tensor& x, const RowOffsets& offsets) {
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  const auto of_rows = sequence_of_rows(offsets, x.device());
  const auto sums = at::zeros({sequences, x.size(1)}, x.options()).index_add(0, of_rows, x);
  const auto counts = at::bincount(of_rows, /*weights=*/{}, sequences).clamp_min(1).unsqueeze(1);
  return (sums / counts).index_select(0, of_rows);
}

/// Stochastic depth (Huang et al. 2016): with probability `p` all rows of a sequence become zeros;
/// those that stay are divided by 1 - p. x (rows, columns) -> the same shape
inline at::Tensor stochastic_depth(const at::Tensor& x, const RowOffsets& offsets, double p) {
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  auto kept = at::empty({sequences, 1}, x.options()).bernoulli_(1 - p);
  if (p < 1) kept.div_(1 - p);
  return x * kept.index_select(0, sequence_of_rows(offsets, x.device()));
}

}  // namespace madx::ops

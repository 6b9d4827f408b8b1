#include "madx/ops/sequences.h"

#include <vector>

#include "madx/ops/batch_part.h"

namespace madx::ops {

namespace {

void check_sequences(const char* op, const at::Tensor& x, const RowOffsets& offsets) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) == offsets.back(), op,
              ": expected x of shape (rows, columns) with the ", offsets.back(),
              " rows of its sequences, but got ", x.sizes());
}

}  // namespace

at::Tensor sequence_of_rows(const RowOffsets& offsets, const at::Device& device) {
  check_offsets("sequence_of_rows", offsets);
  std::vector<int64_t> sequences;
  sequences.reserve(static_cast<size_t>(offsets.back()));
  for (size_t s = 0; s + 1 < offsets.size(); ++s)
    sequences.insert(sequences.end(), static_cast<size_t>(offsets[s + 1] - offsets[s]),
                     static_cast<int64_t>(s));
  return at::tensor(sequences, at::kLong).to(device);
}

at::Tensor sequence_means(const at::Tensor& x, const RowOffsets& offsets) {
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  const auto of_rows = sequence_of_rows(offsets, x.device());
  check_sequences("sequence_means", x, offsets);
  const auto sums = at::zeros({sequences, x.size(1)}, x.options()).index_add(0, of_rows, x);
  const auto counts = at::bincount(of_rows, /*weights=*/{}, sequences).clamp_min(1).unsqueeze(1);
  return (sums / counts).index_select(0, of_rows);
}

at::Tensor stochastic_depth(const at::Tensor& x, const RowOffsets& offsets, double p) {
  const auto sequences = static_cast<int64_t>(offsets.size()) - 1;
  const auto of_rows = sequence_of_rows(offsets, x.device());
  check_sequences("stochastic_depth", x, offsets);
  TORCH_CHECK(p >= 0 && p <= 1, "stochastic_depth: expected a probability, but got ", p);
  const auto kept = dropout(at::ones({sequences, 1}, x.options()), p);
  return x * kept.index_select(0, of_rows);
}

}  // namespace madx::ops

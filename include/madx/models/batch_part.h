#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "madx/core/packed_batch.h"
#include "madx/models/routed_batch.h"

namespace madx {

/// Some sequences of a batch, as a batch.
struct BatchPart {
  PackedBatch batch;  ///< of these sequences alone, with the whole one in it
  at::Tensor read;    ///< (read by the part) int64: which of the whole's read rows they are
};

/// The sequences, ascending, of a batch on the CPU. Under an encoder each of them gets what it gets
/// in the whole batch: path, and dropout of the same elements.
inline BatchPart take_part(const PackedBatch& whole, std::vector<size_t> sequences) {
  const auto [rows, offsets] = detail::take_rows(whole.offsets, sequences);
  const auto whole_read = detail::read_offsets(whole);
  auto [read, read_offsets] = detail::take_rows(whole_read, sequences);
  BatchPart part;
  part.batch.input_ids = whole.input_ids.index_select(0, rows);
  if (whole.read_rows.defined()) {
    std::vector<int64_t> shifts;  // from a row's number to its number in the part
    for (size_t i = 0; i < sequences.size(); ++i)
      shifts.insert(shifts.end(), static_cast<size_t>(read_offsets[i + 1] - read_offsets[i]),
                    offsets[i] - whole.offsets[sequences[i]]);
    part.batch.read_rows = whole.read_rows.index_select(0, read) + at::tensor(shifts, at::kLong);
  }
  part.batch.offsets = offsets;
  if (!whole.languages.empty())
    for (const auto s : sequences) part.batch.languages.push_back(whole.languages[s]);
  part.batch.whole = std::make_shared<const PackedBatch>(whole);
  part.batch.sequences_of_whole = std::move(sequences);
  part.read = std::move(read);
  return part;
}

/// How a batch is shared out: for each of `parts` its sequences, ascending. Longest first, each to
/// the part that has the fewest rows so far, so that the parts take about as long; a part gets none
/// where there are fewer sequences than parts.
inline std::vector<std::vector<size_t>> share_out(const RowOffsets& offsets, size_t parts) {
  const auto length = [&](size_t s) { return offsets[s + 1] - offsets[s]; };
  std::vector<size_t> order(offsets.size() - 1);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t left, size_t right) { return length(left) > length(right); });
  std::vector<std::vector<size_t>> shares(parts);
  std::vector<int64_t> rows(parts, 0);
  for (const auto s : order) {
    const auto least = std::min_element(rows.begin(), rows.end()) - rows.begin();
    rows[static_cast<size_t>(least)] += length(s);
    shares[static_cast<size_t>(least)].push_back(s);
  }
  for (auto& share : shares) std::sort(share.begin(), share.end());
  return shares;
}

}  // namespace madx

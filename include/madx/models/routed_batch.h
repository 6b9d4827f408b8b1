#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "madx/adapters/plan.h"
#include "madx/core/packed_batch.h"
#include "madx/ops/batch_part.h"

namespace madx {

/// A batch on its way under a plan: its sequences ordered by the path that they take, so that the
/// rows of a path lie together; under a parallel block, one copy a channel.
struct RoutedBatch {
  PackedBatch batch;                  ///< its sequences by path
  RowOffsets read_offsets;            ///< boundaries of sequences among the rows that are read
  std::vector<RowGroup> groups;       ///< of all rows
  std::vector<RowGroup> read_groups;  ///< of the rows that are read
  /// For each row that is read, in the order of the batch that came (channel after channel), where
  /// its output lies; undefined: there.
  at::Tensor order;
  /// Of a part of a batch: what dropout of all rows is drawn by.
  std::shared_ptr<const ops::PartRows> part_rows;
  /// The same of the rows that are read.
  std::shared_ptr<const ops::PartRows> read_part_rows;

  /// Outputs (read, ...) in the order of the batch that came.
  at::Tensor restore(const at::Tensor& x) const {
    return order.defined() ? x.index_select(0, order) : x;
  }

  /// The inverse of `restore`: by groups.
  at::Tensor reorder(const at::Tensor& x) const {
    return order.defined() ? x.index_select(0, at::argsort(order)) : x;
  }
};

namespace detail {

/// What is read by these numbers alone must be there.
inline void check_batch(const PackedBatch& batch) {
  check_offsets("Encoder", batch.offsets);
  TORCH_CHECK(batch.input_ids.dim() == 1 && batch.input_ids.size(0) == batch.rows(),
              "Encoder: expected ", batch.rows(), " input ids, where the offsets end, but got ",
              batch.input_ids.sizes());
  TORCH_CHECK(!batch.read_rows.defined() ||
                  (batch.read_rows.dim() == 1 && batch.read_rows.scalar_type() == at::kLong),
              "Encoder: expected read_rows (read) of int64, but got ", batch.read_rows.sizes(),
              " of ", batch.read_rows.scalar_type());
}

/// Boundaries of sequences among `read_rows`, or among all rows where there are none. Throws
/// c10::Error where rows are not of the batch, ascending, each once.
inline RowOffsets read_offsets(const PackedBatch& batch) {
  if (!batch.read_rows.defined()) return batch.offsets;
  RowOffsets offsets{0};
  const auto rows = batch.read_rows.to(at::kCPU).contiguous();
  const auto* row = rows.const_data_ptr<int64_t>();
  int64_t read = 0;
  for (size_t sequence = 1; sequence < batch.offsets.size(); ++sequence) {
    while (read < rows.numel() && row[read] >= batch.offsets[sequence - 1] &&
           row[read] < batch.offsets[sequence] && (read == 0 || row[read] > row[read - 1])) {
      ++read;
    }
    offsets.push_back(read);
  }
  TORCH_CHECK(read == rows.numel(), "Encoder: expected read_rows below ", batch.rows(),
              " rows, ascending, each once");
  return offsets;
}

/// x (rows, hidden) through the invertible adapter of each group's path, or through its inverse;
/// rows of a path without one stay. Neighbouring groups go through one op, whose kernel takes them
/// in one launch.
inline at::Tensor through_invertible(const at::Tensor& x, const std::vector<RowGroup>& groups,
                                     bool inverse) {
  std::vector<at::Tensor> outputs;
  int64_t first = 0;
  for (size_t begin = 0, end = 0; begin < groups.size(); begin = end) {
    const auto* const adapter = groups[begin].path->invertible;
    std::vector<ops::CouplingGroup> couplings;
    int64_t rows = 0;
    for (; end < groups.size(); ++end) {
      const auto* const other = groups[end].path->invertible;
      if ((other == nullptr) != (adapter == nullptr)) break;
      if (other != nullptr && other->activation() != adapter->activation()) break;
      if (other != nullptr) couplings.push_back(other->coupling_group(groups[end].rows));
      rows += groups[end].rows;
    }
    const auto part = x.narrow(0, first, rows);
    outputs.push_back(
        adapter == nullptr ? part : ops::coupling(part, couplings, adapter->activation(), inverse));
    first += rows;
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

/// Groups of a batch whose sequences, `offsets` apart, take these paths in order.
inline std::vector<RowGroup> row_groups(const Routing& routing, const std::vector<size_t>& path_of,
                                        const RowOffsets& offsets) {
  std::vector<RowGroup> groups;
  for (size_t s = 0; s < path_of.size(); ++s) {
    const auto& path = routing.paths[path_of[s]];
    if (groups.empty() || groups.back().path != path) groups.push_back({path, 0, {0}});
    groups.back().rows += offsets[s + 1] - offsets[s];
    groups.back().sequences.push_back(groups.back().rows);
  }
  if (groups.empty()) groups.push_back({routing.paths.front(), 0, {0}});
  return groups;
}

/// `sequences` of packed rows, end to end: the rows' numbers, and where sequences now begin.
inline std::pair<at::Tensor, RowOffsets> take_rows(const RowOffsets& offsets,
                                                   const std::vector<size_t>& sequences) {
  std::vector<int64_t> rows;
  RowOffsets taken{0};
  for (const auto s : sequences) {
    for (auto row = offsets[s]; row < offsets[s + 1]; ++row) rows.push_back(row);
    taken.push_back(static_cast<int64_t>(rows.size()));
  }
  return {at::tensor(rows, at::kLong), std::move(taken)};
}

/// Which path each sequence takes: of a part, what it takes in the whole batch.
inline Routing route_sequences(const PackedBatch& batch, const Plan& plan) {
  if (!batch.whole) return plan.route(batch.sequences(), batch.languages);
  const auto whole = static_cast<size_t>(batch.whole->sequences());
  auto routing = plan.route(batch.whole->sequences(), batch.whole->languages);
  const auto all = std::move(routing.path_of);
  routing.path_of.clear();
  for (size_t first = 0; first < all.size(); first += whole)
    for (const auto sequence : batch.sequences_of_whole)
      routing.path_of.push_back(all[first + sequence]);
  return routing;
}

/// Sequences of all channels by path; those of one path as they came.
inline std::vector<size_t> ordered_by_path(const std::vector<size_t>& path_of) {
  std::vector<size_t> order(path_of.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t left, size_t right) { return path_of[left] < path_of[right]; });
  return order;
}

/// The numbers that a part's rows have in the whole batch as it is routed. `order` is the part's;
/// `offsets` are the boundaries of the whole's sequences among its rows, or those that are read.
inline std::shared_ptr<const ops::PartRows> part_rows(const PackedBatch& batch, const Plan& plan,
                                                      const std::vector<size_t>& order,
                                                      const RowOffsets& offsets) {
  const auto sequences = static_cast<size_t>(batch.whole->sequences());
  const auto path_of = plan.route(batch.whole->sequences(), batch.whole->languages).path_of;
  std::vector<int64_t> first(path_of.size());  // row of each of the whole's sequences
  int64_t rows = 0;
  for (const auto s : ordered_by_path(path_of)) {
    first[s] = rows;
    rows += offsets[s % sequences + 1] - offsets[s % sequences];
  }
  const auto own = batch.sequences_of_whole.size();
  std::vector<int64_t> numbers;
  for (const auto s : order) {
    const auto in_whole = batch.sequences_of_whole[s % own];
    const auto length = offsets[in_whole + 1] - offsets[in_whole];
    for (int64_t i = 0; i < length; ++i)
      numbers.push_back(first[s / own * sequences + in_whole] + i);
  }
  return std::make_shared<const ops::PartRows>(ops::PartRows{at::tensor(numbers, at::kLong), rows});
}

inline void number_rows(const PackedBatch& batch, const Plan& plan,
                        const std::vector<size_t>& order, RoutedBatch& routed) {
  if (!batch.whole) return;
  routed.part_rows = part_rows(batch, plan, order, batch.whole->offsets);
  routed.read_part_rows = batch.read_rows.defined()
                              ? part_rows(batch, plan, order, read_offsets(*batch.whole))
                              : routed.part_rows;
}

}  // namespace detail

/// Orders a batch for a plan. One path for all sequences, or sequences in
/// order already: nothing is copied.
inline RoutedBatch route(const PackedBatch& batch, const Plan& plan) {
  detail::check_batch(batch);
  const auto sequences = static_cast<size_t>(batch.sequences());
  const auto routing = detail::route_sequences(batch, plan);
  RoutedBatch routed{batch, detail::read_offsets(batch), {}, {}, {}, {}, {}};
  const auto& path_of = routing.path_of;
  const auto order = detail::ordered_by_path(path_of);
  detail::number_rows(batch, plan, order, routed);
  if (routing.channels == 1 && std::is_sorted(path_of.begin(), path_of.end())) {
    routed.groups = detail::row_groups(routing, path_of, batch.offsets);
    routed.read_groups = detail::row_groups(routing, path_of, routed.read_offsets);
    return routed;
  }
  std::vector<size_t> paths, taken;
  for (const auto s : order) {
    paths.push_back(path_of[s]);
    taken.push_back(s % sequences);
  }
  const auto device = batch.input_ids.device();
  auto [rows, offsets] = detail::take_rows(batch.offsets, taken);
  auto [read, read_offsets] = detail::take_rows(routed.read_offsets, taken);
  routed.batch.input_ids = batch.input_ids.index_select(0, rows.to(device));
  if (batch.read_rows.defined()) {
    std::vector<int64_t> shifts;  // from a row's number to its number in the ordered batch
    for (size_t i = 0; i < taken.size(); ++i)
      shifts.insert(shifts.end(), static_cast<size_t>(read_offsets[i + 1] - read_offsets[i]),
                    offsets[i] - batch.offsets[taken[i]]);
    routed.batch.read_rows =
        batch.read_rows.index_select(0, read.to(device)) + at::tensor(shifts, at::kLong).to(device);
  }
  RowOffsets channel_offsets{0};  // of the output as the caller sees it
  for (size_t s = 0; s < path_of.size(); ++s) {
    const auto i = s % sequences;
    channel_offsets.push_back(channel_offsets.back() + routed.read_offsets[i + 1] -
                              routed.read_offsets[i]);
  }
  const auto where = detail::take_rows(channel_offsets, order).first;
  routed.order = at::argsort(where).to(device);
  routed.batch.offsets = std::move(offsets);
  routed.read_offsets = std::move(read_offsets);
  routed.groups = detail::row_groups(routing, paths, routed.batch.offsets);
  routed.read_groups = detail::row_groups(routing, paths, routed.read_offsets);
  return routed;
}

}  // namespace madx

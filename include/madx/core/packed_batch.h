#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "madx/core/row_offsets.h"
#include "madx/core/upload.h"

namespace madx {

/// Token sequences laid end to end, without padding, and the rows whose output is read.
struct PackedBatch {
  at::Tensor input_ids;      ///< (rows) int64
  RowOffsets offsets = {0};  ///< sequence s owns rows [offsets[s], offsets[s + 1])
  /// Rows whose last hidden state is read, ascending, each once; undefined: all of them. The last
  /// layer computes queries, feed-forward and adapters for these alone.
  at::Tensor read_rows;  // (read) int64
  /// The language of each sequence, under a composition with kLanguage; in any order.
  std::vector<std::string> languages;
  /// Of a part of a batch (models/batch_part.h): the batch, and which of its sequences these are,
  /// ascending. Paths and dropout are then those that the sequences have in it.
  std::shared_ptr<const PackedBatch> whole;
  std::vector<size_t> sequences_of_whole;          ///< numbers of its sequences
  int64_t rows() const { return offsets.back(); }  ///< tokens of all sequences
  int64_t sequences() const { return static_cast<int64_t>(offsets.size()) - 1; }  ///< how many

  /// The same on a device; the copy to CUDA is asynchronous.
  PackedBatch to(const at::Device& device) const {
    auto moved = *this;
    moved.input_ids = upload(input_ids, device);
    if (read_rows.defined()) moved.read_rows = upload(read_rows, device);
    return moved;
  }
};

/// Packs sequences of token ids, special tokens included.
inline PackedBatch pack(const std::vector<std::vector<int64_t>>& sequences) {
  PackedBatch batch;
  std::vector<int64_t> ids;
  for (const auto& sequence : sequences) {
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    batch.offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  batch.input_ids = at::tensor(ids, at::kLong);
  return batch;
}

}  // namespace madx

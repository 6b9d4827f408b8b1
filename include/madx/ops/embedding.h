#pragma once

#include <ATen/ATen.h>

#include <functional>

#include "madx/ops/frozen_layer_norm.h"

namespace madx::ops {

/// The tables that an encoder's embeddings are the sum of.
struct EmbeddingTables {
  at::Tensor words;             ///< (vocabulary, hidden) float32, bfloat16 or int8
  at::Tensor positions;         ///< (positions, hidden)
  at::Tensor types;             ///< (types, hidden), of which the first counts
  at::Tensor word_scales = {};  ///< (vocabulary) float32: of words in int8, what a row counts by

  /// Rows of `words` in float32: ids (n) int64 -> (n, hidden).
  at::Tensor words_of(const at::Tensor& ids) const;
};

/// A table (rows, hidden) in int8: what quantise_rows makes.
struct Int8Rows {
  at::Tensor rows;    ///< (vocabulary, hidden) int8
  at::Tensor scales;  ///< (vocabulary) float32: what a row counts by
};

/// A table (rows, hidden) of any floating type in int8: each row's largest element becomes 127, and
/// `scales` (rows) tell what a step is. Taken a part at a time, so that of a mapped file no more
/// than that need be in memory; `done` is called with each part that was read.
Int8Rows quantise_rows(const at::Tensor& table, const std::function<void(const at::Tensor&)>& done);

/// dropout(LN(word + position + type)): ids and positions (rows) int64 -> (rows, hidden) float32.
/// Throws c10::Error where shapes or types disagree and, on the CPU, for ids that are not in the
/// tables.
at::Tensor embed(const at::Tensor& ids, const at::Tensor& positions, const EmbeddingTables& tables,
                 const FrozenLayerNorm& norm, double dropout);

}  // namespace madx::ops

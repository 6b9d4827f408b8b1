#pragma once

#include <cstdint>

namespace madx::cpu {

/// Multi-head attention over packed rows, as in ops/packed_attention.h; float32, row-major.
struct AttentionShape {
  const int64_t*
      q_offsets;  ///< (sequences + 1): sequence s owns query rows [q_offsets[s], q_offsets[s + 1])
  const int64_t* k_offsets;  ///< (sequences + 1), of key and value rows
  int64_t sequences;         ///< how many
  int64_t heads;             ///< hidden size is a multiple of it
  int64_t width;             ///< of one head; hidden = heads * width
  /// (query rows): what dropout is drawn by; null: 0, 1, 2, ...
  const int64_t* q_numbers = nullptr;
};

/// A matrix of rows: `data` and the distance between rows, in elements.
struct ConstRows {
  const float* data;  ///< first element of the first row
  int64_t stride;     ///< elements from one row to the next
};
/// The same, to write.
struct Rows {
  float* data;     ///< first element of the first row
  int64_t stride;  ///< elements from one row to the next
};

/// out = dropout(softmax(q k^T / sqrt(width))) v for each sequence and head. Dropout with
/// probability `dropout` is a function of `seed`; 0 turns it off.
void attention_forward(const AttentionShape& shape, ConstRows q, ConstRows k, ConstRows v,
                       double dropout, uint64_t seed, int threads, Rows out);

/// Gradients by q, k and v, from the output's; attention weights and their dropout are computed
/// again. Every row of the gradients is written.
void attention_backward(const AttentionShape& shape, ConstRows q, ConstRows k, ConstRows v,
                        ConstRows out_gradient, double dropout, uint64_t seed, int threads,
                        Rows q_gradient, Rows k_gradient, Rows v_gradient);

}  // namespace madx::cpu

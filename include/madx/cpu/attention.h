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

/// What both passes read.
struct AttentionInput {
  AttentionShape shape;  ///< of all matrices
  ConstRows q;           ///< (query rows, hidden)
  ConstRows k;           ///< (key rows, hidden)
  ConstRows v;           ///< (key rows, hidden)
  double dropout = 0;    ///< of the attention weights; 0 turns it off
  uint64_t seed = 0;     ///< of the dropout
};

/// Gradients by q, k and v, of their shapes.
struct AttentionGradients {
  Rows q;  ///< (query rows, hidden)
  Rows k;  ///< (key rows, hidden)
  Rows v;  ///< (key rows, hidden)
};

/// out = dropout(softmax(q k^T / sqrt(width))) v for each sequence and head.
void attention_forward(const AttentionInput& input, int threads, Rows out);

/// Gradients from the output's; attention weights and their dropout are computed again. Every row
/// of the gradients is written.
void attention_backward(const AttentionInput& input, ConstRows out_gradient, int threads,
                        const AttentionGradients& gradients);

}  // namespace madx::cpu

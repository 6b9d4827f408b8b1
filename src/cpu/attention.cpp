#include "madx/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cpu/attention_head.h"
#include "cpu/gemm.h"
#include "cpu/philox.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Queries go through all steps that many at a time, so that their scores stay in cache.
constexpr int64_t kQueries = 64;

float score_scale(const AttentionShape& shape) {
  return 1 / std::sqrt(static_cast<float>(shape.width));
}

/// The number of a query's row of weights, which its dropout is a function of.
uint64_t weights_row(const AttentionShape& shape, const AttentionHead& head, int64_t query) {
  return row_number(shape.q_numbers, head.q_first + query) * static_cast<uint64_t>(shape.heads) +
         static_cast<uint64_t>(head.index);
}

/// The head's keys or values -> (width, padded keys).
void read_transposed(ConstRows from, const AttentionHead& head, int64_t width, float* to) {
  transpose(from.data + head.k_first * from.stride + head.column, from.stride, head.k_count, width,
            to, padded(head.k_count));
}

/// What a thread needs to compute heads of the output.
class Forward {
 public:
  Forward(const AttentionInput& input, Rows out)
      : shape_(input.shape),
        q_(input.q),
        k_(input.k),
        v_(input.v),
        out_(out),
        dropout_(input.dropout, input.seed),
        longest_(padded(longest(shape_.k_offsets, shape_.sequences))),
        transposed_keys_(longest_ * shape_.width),
        values_(longest_ * shape_.width),
        weights_(kQueries * longest_),
        factors_(longest_),
        queries_(kQueries * shape_.width),
        block_out_(kQueries * shape_.width) {}

  void operator()(const AttentionHead& head) {
    if (head.k_count == 0) {
      clear_rows(head.q_first, head.q_count, head.column, shape_.width, out_);
      return;
    }
    if (head.q_count == 0) return;
    read_keys_and_values(head);
    for (int64_t first = 0; first < head.q_count; first += kQueries)
      attend(head, first, std::min(kQueries, head.q_count - first));
  }

 private:
  void read_keys_and_values(const AttentionHead& head) {
    const auto width = shape_.width;
    read_transposed(k_, head, width, transposed_keys_.data());
    read_rows(v_, head.k_first, head.k_count, head.column, width, 1, values_.data());
  }

  /// Queries [first, first + count) of the head.
  void attend(const AttentionHead& head, int64_t first, int64_t count) {
    const auto width = shape_.width, rows = padded(count), keys = padded(head.k_count);
    const SmallGemm scores(rows, keys, width, width, keys, keys, {});
    const SmallGemm weighted_values(rows, width, keys, keys, width, width, {});
    read_rows(q_, head.q_first + first, count, head.column, width, score_scale(shape_),
              queries_.data());
    scores(queries_.data(), transposed_keys_.data(), weights_.data());
    float inverse_sums[kQueries];
    for (int64_t i = 0; i < count; ++i) {
      float* weights = weights_.data() + i * keys;
      inverse_sums[i] = 1 / exponentials(weights, head.k_count);
      if (dropout_.active()) drop(weights_row(shape_, head, first + i), keys, weights);
    }
    weighted_values(weights_.data(), values_.data(), block_out_.data());
    for (int64_t i = 0; i < count; ++i) {
      write_rows(block_out_.data() + i * width, inverse_sums[i], head.q_first + first + i, 1,
                 head.column, width, out_);
    }
  }

  void drop(uint64_t row, int64_t keys, float* __restrict__ weights) {
    float* __restrict__ factors = factors_.data();
    dropout_.row(row, keys, factors);
    for (int64_t j = 0; j < keys; ++j) weights[j] *= factors[j];
  }

  const AttentionShape& shape_;
  ConstRows q_, k_, v_;
  Rows out_;
  Dropout dropout_;
  int64_t longest_;  // sequence of keys
  Scratch transposed_keys_, values_, weights_, factors_, queries_, block_out_;
};

/// What a thread needs to compute heads of the gradients.
class Backward {
 public:
  Backward(const AttentionInput& input, ConstRows out_gradient, const AttentionGradients& gradients)
      : shape_(input.shape),
        q_(input.q),
        k_(input.k),
        v_(input.v),
        out_gradient_(out_gradient),
        q_gradient_(gradients.q),
        k_gradient_(gradients.k),
        v_gradient_(gradients.v),
        dropout_(input.dropout, input.seed),
        longest_(padded(longest(shape_.k_offsets, shape_.sequences))),
        keys_(longest_ * shape_.width),
        transposed_keys_(longest_ * shape_.width),
        transposed_values_(longest_ * shape_.width),
        key_gradients_(longest_ * shape_.width),
        value_gradients_(longest_ * shape_.width),
        weights_(kQueries * longest_),
        dropped_weights_(kQueries * longest_),
        gradients_(kQueries * longest_),
        queries_(kQueries * shape_.width),
        out_gradients_(kQueries * shape_.width),
        query_gradients_(kQueries * shape_.width) {}

  void operator()(const AttentionHead& head) {
    if (head.k_count == 0) {
      clear_rows(head.q_first, head.q_count, head.column, shape_.width, q_gradient_);
      return;
    }
    read_keys_and_values(head);
    const auto size = padded(head.k_count) * shape_.width;
    std::fill_n(key_gradients_.data(), size, 0.0f);
    std::fill_n(value_gradients_.data(), size, 0.0f);
    for (int64_t first = 0; first < head.q_count; first += kQueries)
      attend(head, first, std::min(kQueries, head.q_count - first));
    write_rows(key_gradients_.data(), 1, head.k_first, head.k_count, head.column, shape_.width,
               k_gradient_);
    write_rows(value_gradients_.data(), 1, head.k_first, head.k_count, head.column, shape_.width,
               v_gradient_);
  }

 private:
  void read_keys_and_values(const AttentionHead& head) {
    const auto width = shape_.width;
    read_rows(k_, head.k_first, head.k_count, head.column, width, 1, keys_.data());
    transpose(keys_.data(), width, head.k_count, width, transposed_keys_.data(),
              padded(head.k_count));
    read_transposed(v_, head, width, transposed_values_.data());
  }

  /// Queries [first, first + count) of the head.
  void attend(const AttentionHead& head, int64_t first, int64_t count) {
    const auto width = shape_.width, rows = padded(count), keys = padded(head.k_count);
    const SmallGemm by_keys(rows, keys, width, width, keys, keys, {});
    const SmallGemm by_width(rows, width, keys, keys, width, width, {});
    const SmallGemm sum_queries(keys, width, rows, keys, width, width, {true, true});
    read_rows(q_, head.q_first + first, count, head.column, width, score_scale(shape_),
              queries_.data());
    read_rows(out_gradient_, head.q_first + first, count, head.column, width, 1,
              out_gradients_.data());
    by_keys(queries_.data(), transposed_keys_.data(), weights_.data());
    by_keys(out_gradients_.data(), transposed_values_.data(), gradients_.data());
    for (int64_t i = 0; i < count; ++i) {
      score_gradients(weights_row(shape_, head, first + i), head.k_count,
                      weights_.data() + i * keys, dropped_weights_.data() + i * keys,
                      gradients_.data() + i * keys);
    }
    std::fill(dropped_weights_.data() + count * keys, dropped_weights_.data() + rows * keys, 0.0f);
    by_width(gradients_.data(), keys_.data(), query_gradients_.data());
    sum_queries(gradients_.data(), queries_.data(), key_gradients_.data());
    sum_queries(dropped_weights_.data(), out_gradients_.data(), value_gradients_.data());
    write_rows(query_gradients_.data(), score_scale(shape_), head.q_first + first, count,
               head.column, width, q_gradient_);
  }

  /// A query's scores and the gradients by its dropped weights -> its dropped weights and, in
  /// place, the gradients by its scores.
  void score_gradients(uint64_t row, int64_t key_count, float* __restrict__ weights,
                       float* __restrict__ dropped, float* __restrict__ gradients) {
    const int64_t keys = padded(key_count);
    const float inverse_sum = 1 / exponentials(weights, key_count);
    if (dropout_.active()) {
      dropout_.row(row, keys, dropped);
    } else {
      std::fill_n(dropped, keys, 1.0f);
    }
    float mean = 0;  // gradient, under the weights
#pragma omp simd reduction(+ : mean)
    for (int64_t j = 0; j < keys; ++j) {
      weights[j] *= inverse_sum;
      dropped[j] *= weights[j];
      mean += dropped[j] * gradients[j];
    }
    for (int64_t j = 0; j < keys; ++j) gradients[j] = dropped[j] * gradients[j] - weights[j] * mean;
  }

  const AttentionShape& shape_;
  ConstRows q_, k_, v_, out_gradient_;
  Rows q_gradient_, k_gradient_, v_gradient_;
  Dropout dropout_;
  int64_t longest_;  // sequence of keys
  Scratch keys_, transposed_keys_, transposed_values_, key_gradients_, value_gradients_;
  Scratch weights_, dropped_weights_, gradients_, queries_, out_gradients_, query_gradients_;
};

}  // namespace

void attention_forward(const AttentionInput& input, int threads, Rows out) {
  for_each_head(input.shape, threads, [&] { return Forward(input, out); });
}

void attention_backward(const AttentionInput& input, ConstRows out_gradient, int threads,
                        const AttentionGradients& gradients) {
  for_each_head(input.shape, threads, [&] { return Backward(input, out_gradient, gradients); });
}

}  // namespace madx::cpu::MADX_CAPABILITY

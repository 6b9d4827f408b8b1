#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cpu/philox.h"
#include "gemm/tested.h"
#include "madx/cpu/attention.h"

namespace madx::cpu {

/// Dense matrices of T, hidden columns.
template <class T>
struct AttentionResult {
  std::vector<T> out, q_gradient, k_gradient, v_gradient;
};

/// Attention and its gradients by plain loops in T: what the kernels are held against.
template <class T>
class AttentionReference {
 public:
  AttentionReference(const AttentionShape& shape, double dropout, uint64_t seed)
      : shape_(shape), hidden_(shape.heads * shape.width), dropout_(dropout, seed) {}

  AttentionResult<T> operator()(const std::vector<T>& q, const std::vector<T>& k,
                                const std::vector<T>& v, const std::vector<T>& out_gradient) const {
    const auto zeros = [](const std::vector<T>& like) { return std::vector<T>(like.size(), T(0)); };
    AttentionResult<T> result{zeros(q), zeros(q), zeros(k), zeros(v)};
    for (int64_t s = 0; s < shape_.sequences; ++s) {
      for (int64_t row = shape_.q_offsets[s]; row < shape_.q_offsets[s + 1]; ++row) {
        for (int64_t head = 0; head < shape_.heads; ++head) {
          const Keys keys{shape_.k_offsets[s], shape_.k_offsets[s + 1] - shape_.k_offsets[s]};
          add_query(row, head, keys, q, k, v, out_gradient, result);
        }
      }
    }
    return result;
  }

 private:
  struct Keys {
    int64_t first, count;
  };

  void add_query(int64_t row, int64_t head, Keys keys, const std::vector<T>& q,
                 const std::vector<T>& k, const std::vector<T>& v,
                 const std::vector<T>& out_gradient, AttentionResult<T>& result) const {
    const auto width = shape_.width;
    const T scale = 1 / std::sqrt(T(width));
    const auto at = [&](int64_t r, int64_t d) { return size_t(r * hidden_ + head * width + d); };
    std::vector<T> scores(size_t(keys.count)), weight_gradients(size_t(keys.count));
    std::vector<float> factors(size_t(keys.count), 1.0f);
    if (dropout_.active())
      dropout_.row(uint64_t(row * shape_.heads + head), keys.count, factors.data());
    T largest = -INFINITY, sum = 0, mean = 0;
    for (int64_t j = 0; j < keys.count; ++j) {
      for (int64_t d = 0; d < width; ++d) {
        scores[size_t(j)] += q[at(row, d)] * k[at(keys.first + j, d)] * scale;
        weight_gradients[size_t(j)] +=
            factors[size_t(j)] * out_gradient[at(row, d)] * v[at(keys.first + j, d)];
      }
      largest = std::max(largest, scores[size_t(j)]);
    }
    for (const T score : scores) sum += std::exp(score - largest);
    for (size_t j = 0; j < scores.size(); ++j) {
      scores[j] = std::exp(scores[j] - largest) / sum;  // the weight
      mean += scores[j] * weight_gradients[j];
    }
    for (int64_t j = 0; j < keys.count; ++j) {
      const T weight = scores[size_t(j)], dropped = weight * factors[size_t(j)];
      const T score_gradient = weight * (weight_gradients[size_t(j)] - mean) * scale;
      for (int64_t d = 0; d < width; ++d) {
        const auto here = at(row, d), there = at(keys.first + j, d);
        result.out[here] += dropped * v[there];
        result.q_gradient[here] += score_gradient * k[there];
        result.k_gradient[there] += score_gradient * q[here];
        result.v_gradient[there] += dropped * out_gradient[here];
      }
    }
  }

  AttentionShape shape_;
  int64_t hidden_;
  Dropout dropout_;
};

}  // namespace madx::cpu

#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "cpu/exp.h"

namespace madx::cpu::MADX_CAPABILITY {

/// Logits with softmax over the vocabulary, stored (words, width): a row of x is a column here, so
/// that loops over rows have unit stride. `width` is a multiple of 16.
struct LogitPanel {
  float* data;
  int64_t words, width;
};

/// Maximum and sum exp(l - maximum) of each column, over the panels seen so far.
class RunningSoftmax {
 public:
  explicit RunningSoftmax(int64_t width)
      : maximum_(width, std::numeric_limits<float>::lowest()),  // below it there is -inf alone
        raised_(width),
        some_(width),
        sum_(width) {}
  float maximum(int64_t row) const { return maximum_[row]; }
  double sum(int64_t row) const { return sum_[row]; }

  /// Adds each word's bias to its logits and raises the maximum to theirs. Where it rises,
  /// `rescale(row, factor)` is told by how much what was summed so far shrinks.
  template <typename Rescale>
  void raise(LogitPanel panel, const float* bias, Rescale rescale) {
    const auto width = panel.width;
    raised_ = maximum_;
    float* __restrict__ raised = raised_.data();
    for (int64_t word = 0; word < panel.words; ++word) {
      float* __restrict__ logits = panel.data + word * width;
      const float shift = bias[word];
#pragma omp simd
      for (int64_t row = 0; row < width; ++row) {
        const float logit = logits[row] + shift;
        logits[row] = logit;
        raised[row] = raised[row] > logit ? raised[row] : logit;
      }
    }
    for (int64_t row = 0; row < width; ++row) {
      if (!(raised[row] > maximum_[row])) continue;
      const float factor = fast_exp(maximum_[row] - raised[row]);
      sum_[row] *= factor;
      rescale(row, factor);
    }
    maximum_.swap(raised_);
  }

  /// Writes exp(l - maximum) to `shares`, which may be the logits, and adds them to the sums.
  void add(LogitPanel panel, float* shares) {
    constexpr int64_t kWords = 32;  // a share far below the largest is lost in a sum of many
    for (int64_t word = 0; word < panel.words; word += kWords)
      add_words(panel, word, std::min(word + kWords, panel.words), shares);
  }

 private:
  void add_words(LogitPanel panel, int64_t begin, int64_t end, float* shares) {
    const auto width = panel.width;
    std::fill(some_.begin(), some_.end(), 0.0f);
    float* sums = some_.data();
    const float* maximum = maximum_.data();
    for (int64_t word = begin; word < end; ++word) {
      const float* logits = panel.data + word * width;
      float* out = shares + word * width;
#pragma omp simd
      for (int64_t row = 0; row < width; ++row) {
        const float share = fast_exp(logits[row] - maximum[row]);
        out[row] = share;
        sums[row] += share;
      }
    }
    for (int64_t row = 0; row < width; ++row) sum_[row] += static_cast<double>(sums[row]);
  }

  std::vector<float> maximum_, raised_, some_;  // some_: the sums of a few words
  std::vector<double> sum_;
};

}  // namespace madx::cpu::MADX_CAPABILITY

#include "madx/cpu/vocabulary_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/products.h"
#include "cpu/running_softmax.h"
#include "cpu/vocabulary_table.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Rows of x at a time: their transpose and their gradient stay in a core's cache.
constexpr int64_t kRows = 192;
/// Logits kept at a time where the bias's gradient needs them again.
constexpr int64_t kKeptLogits = int64_t{1} << 24;
/// The vocabulary is cut into this many parts, each with sums of its own, whatever the number of
/// threads: results do not depend on it.
constexpr int64_t kParts = 32;

/// As few blocks of rows as the limits allow, all of about the same size.
int64_t rows_of_a_block(const VocabularyLossInput& in, bool keeps_logits) {
  auto most = kRows;
  if (keeps_logits) most = std::clamp<int64_t>(kKeptLogits / in.vocabulary / 16 * 16, 16, kRows);
  const auto blocks = (in.rows + most - 1) / most;
  return (in.rows + blocks - 1) / blocks;
}

/// One call: scratch for a block of rows, and what is done with each.
template <class Table>
class VocabularyPass {
 public:
  template <class Weight>
  VocabularyPass(const VocabularyLossInput& in, const Weight* weight, int threads,
                 const VocabularyLossOutput& out)
      : in_(in),
        out_(out),
        threads_(threads),
        keeps_logits_(out.bias_gradient != nullptr),
        block_(rows_of_a_block(in, keeps_logits_)),
        panels_((in.vocabulary + kPanel - 1) / kPanel),
        parts_(std::min(kParts, panels_)),
        table_(weight, in.hidden, block_),
        shares_(threads * kPanel * padded_rows(block_)),
        logits_(keeps_logits_ ? in.vocabulary * padded_rows(block_) : 0),
        gradients_(out.x_gradient != nullptr ? parts_ * block_ * in.hidden : 0),
        target_logits_(block_) {}

  void run() {
    for (int64_t first = 0; first < in_.rows; first += block_) {
      take_rows(first, std::min(block_, in_.rows - first));
      sweep();
      merge();
      if (out_.x_gradient != nullptr) write_x_gradient();
      if (out_.bias_gradient != nullptr) add_bias_gradient();
    }
  }

 private:
  static constexpr auto kPanel = Table::kPanel;

  struct Panel {
    int64_t part, first, words;
    typename Table::PerThread& mine;
    float* shares;      // (words, width), of this thread
    LogitPanel logits;  // kept, or where the shares will be
  };

  void take_rows(int64_t first, int64_t rows) {
    first_ = first;
    rows_ = rows;
    width_ = padded_rows(rows);
    table_.take_rows(in_.x + first * in_.hidden, rows, width_);
    softmax_.assign(parts_, RunningSoftmax(width_));
  }

  /// Every panel of the vocabulary, those of a part in order on one thread.
  void sweep() {
    SharedPieces pieces(parts_);
    parallel(threads_, [&](Thread thread) {
      typename Table::PerThread mine(table_);
      float* const shares = shares_.data() + thread.index * kPanel * width_;
      pieces.for_each(thread, [&](int64_t part) {
        if (out_.x_gradient != nullptr) std::fill_n(gradient_of(part), rows_ * in_.hidden, 0.0f);
        const auto end = (part + 1) * panels_ / parts_;
        for (auto panel = part * panels_ / parts_; panel < end; ++panel) {
          const auto first = panel * kPanel, words = std::min(kPanel, in_.vocabulary - first);
          const LogitPanel logits{keeps_logits_ ? kept(first) : shares, words, width_};
          take_panel({part, first, words, mine, shares, logits});
        }
      });
    });
  }

  void take_panel(const Panel& panel) {
    table_.logits(panel.first, panel.words, panel.mine, panel.logits.data);
    raise_maximum(panel);
    note_target_logits(panel);
    softmax_[panel.part].add(panel.logits, panel.shares);
    if (out_.x_gradient == nullptr) return;
    table_.gradient(panel.first, panel.words, panel.shares, panel.mine, gradient_of(panel.part));
  }

  void raise_maximum(const Panel& panel) {
    const auto rescale = [&](int64_t row, float factor) {
      if (out_.x_gradient == nullptr || row >= rows_) return;
      float* gradient = gradient_of(panel.part) + row * in_.hidden;
      for (int64_t i = 0; i < in_.hidden; ++i) gradient[i] *= factor;
    };
    softmax_[panel.part].raise(panel.logits, in_.bias + panel.first, rescale);
  }

  /// The very sums that made the maximum, not sums of their own: a loss near 0 is a difference of
  /// the two.
  void note_target_logits(const Panel& panel) {
    for (int64_t row = 0; row < rows_; ++row) {
      const auto word = in_.targets[first_ + row] - panel.first;
      if (word >= 0 && word < panel.words)
        target_logits_[row] = panel.logits.data[word * width_ + row];
    }
  }

  /// Maximum and sum over all parts; losses.
  void merge() {
    maximum_.resize(rows_);
    inverse_sum_.resize(rows_);
    for (int64_t row = 0; row < rows_; ++row) {
      auto maximum = -std::numeric_limits<float>::infinity();
      for (const auto& part : softmax_) maximum = std::max(maximum, part.maximum(row));
      double sum = 0;
      for (const auto& part : softmax_)
        sum += part.sum(row) * std::exp(static_cast<double>(part.maximum(row)) - maximum);
      maximum_[row] = maximum;
      inverse_sum_[row] = static_cast<float>(1 / sum);
      out_.losses[first_ + row] =
          static_cast<float>(static_cast<double>(maximum) - target_logits_[row] + std::log(sum));
    }
  }

  /// The parts' gradients added, minus the target's row of the weight.
  void write_x_gradient() {
    const auto hidden = in_.hidden;
    for_each_in_parallel(rows_, [&](int64_t row) {
      float* gradient = out_.x_gradient + (first_ + row) * hidden;
      std::fill_n(gradient, hidden, 0.0f);
      for (int64_t part = 0; part < parts_; ++part) {
        const float* from = gradient_of(part) + row * hidden;
        const float factor =
            std::exp(softmax_[part].maximum(row) - maximum_[row]) * inverse_sum_[row];
#pragma omp simd
        for (int64_t i = 0; i < hidden; ++i) gradient[i] += factor * from[i];
      }
      table_.subtract(in_.targets[first_ + row], gradient);
    });
  }

  /// A word's gradient is the sum of its probabilities, less one for each row it is the target of.
  void add_bias_gradient() {
    const float* maximum = maximum_.data();
    const float* inverse_sum = inverse_sum_.data();
    for_each_in_parallel(in_.vocabulary, [&](int64_t word) {
      const float* logits = kept(word);
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t row = 0; row < rows_; ++row)
        sum += fast_exp(logits[row] - maximum[row]) * inverse_sum[row];
      out_.bias_gradient[word] += sum;
    });
    for (int64_t row = 0; row < rows_; ++row) out_.bias_gradient[in_.targets[first_ + row]] -= 1;
  }

  template <class Work>
  void for_each_in_parallel(int64_t count, Work&& work) const {
    parallel(threads_, [&](Thread thread) { for_each_of_block(thread, count, work); });
  }

  static int64_t padded_rows(int64_t rows) {
    return (rows + Table::kRows - 1) / Table::kRows * Table::kRows;
  }
  float* kept(int64_t word) { return logits_.data() + word * width_; }
  float* gradient_of(int64_t part) { return gradients_.data() + part * block_ * in_.hidden; }

  const VocabularyLossInput& in_;
  const VocabularyLossOutput& out_;
  const int threads_;
  const bool keeps_logits_;
  const int64_t block_, panels_, parts_;
  Table table_;
  Scratch shares_;     // (threads, kPanel, width)
  Scratch logits_;     // (vocabulary, width), where they are kept
  Scratch gradients_;  // (parts, block, hidden): sums of shares times words
  std::vector<float> target_logits_, maximum_, inverse_sum_;  // by row
  std::vector<RunningSoftmax> softmax_;                       // by part
  int64_t first_ = 0, rows_ = 0, width_ = 0;                  // of the block at hand
};

}  // namespace

void vocabulary_loss(const VocabularyLossInput& input, int threads,
                     const VocabularyLossOutput& output) {
  if (output.bias_gradient != nullptr) std::fill_n(output.bias_gradient, input.vocabulary, 0.0f);
  if (input.rows == 0) return;
  if (input.bfloat16_weight != nullptr) {
    VocabularyPass<Bfloat16Table>(input, input.bfloat16_weight, threads, output).run();
  } else {
    with_products(input.products, [&](auto products) {
      using Table = FloatTable<typename decltype(products)::Type>;
      VocabularyPass<Table>(input, input.weight, threads, output).run();
    });
  }
}

}  // namespace madx::cpu::MADX_CAPABILITY

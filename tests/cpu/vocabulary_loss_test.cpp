#include "madx/cpu/vocabulary_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/bfloat16_round.h"
#include "gemm/tested.h"

namespace madx::cpu {
namespace {

struct Case {
  int64_t rows, hidden, vocabulary;
  std::vector<float> x, weight, bias;
  std::vector<int64_t> targets;

  Case(int64_t rows_, int64_t hidden_, int64_t vocabulary_, float scale = 1)
      : rows(rows_), hidden(hidden_), vocabulary(vocabulary_) {
    std::mt19937 random(static_cast<uint32_t>(rows * 31 + hidden * 7 + vocabulary));
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& values, int64_t size, float factor) {
      values.resize(size);
      for (auto& value : values) value = factor * normal(random);
    };
    fill(x, rows * hidden, scale);
    fill(weight, vocabulary * hidden, 1 / std::sqrt(static_cast<float>(hidden)));
    fill(bias, vocabulary, 0.5f);
    targets.resize(rows);
    for (auto& target : targets)
      target = std::uniform_int_distribution<int64_t>(0, vocabulary - 1)(random);
    targets.front() = vocabulary - 1;
  }
  VocabularyLossInput input() const {
    return {x.data(), weight.data(), bias.data(), targets.data(), rows, hidden, vocabulary};
  }
};

template <typename T>
struct Result {
  std::vector<T> losses, x_gradient, bias_gradient;
};

/// Plain loops: softmax of whole rows of logits.
template <typename T>
Result<T> reference(const Case& in) {
  Result<T> out{std::vector<T>(in.rows), std::vector<T>(in.rows * in.hidden),
                std::vector<T>(in.vocabulary)};
  std::vector<T> logits(in.vocabulary);
  for (int64_t row = 0; row < in.rows; ++row) {
    const float* x = in.x.data() + row * in.hidden;
    for (int64_t word = 0; word < in.vocabulary; ++word) {
      const float* weight = in.weight.data() + word * in.hidden;
      logits[word] = 0;
      for (int64_t i = 0; i < in.hidden; ++i) logits[word] += static_cast<T>(x[i]) * weight[i];
      logits[word] += in.bias[word];
    }
    const auto target = in.targets[row];
    const T maximum = *std::max_element(logits.begin(), logits.end());
    const T target_logit = logits[target];
    T sum = 0;
    for (auto& logit : logits) sum += logit = std::exp(logit - maximum);
    out.losses[row] = (maximum - target_logit) + std::log(sum);
    for (int64_t word = 0; word < in.vocabulary; ++word) {
      const T slope = logits[word] / sum - (word == target ? 1 : 0);
      out.bias_gradient[word] += slope;
      for (int64_t i = 0; i < in.hidden; ++i)
        out.x_gradient[row * in.hidden + i] += slope * in.weight[word * in.hidden + i];
    }
  }
  return out;
}

/// What the kernel writes, between canaries.
class Guarded {
 public:
  explicit Guarded(int64_t size) : values_(size + 2 * kGuard, kCanary) {}
  float* data() { return values_.data() + kGuard; }
  std::vector<float> take() const {
    for (size_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(values_[i], kCanary) << "before the output";
      EXPECT_EQ(values_[values_.size() - 1 - i], kCanary) << "behind the output";
    }
    return {values_.begin() + kGuard, values_.end() - kGuard};
  }

 private:
  static constexpr size_t kGuard = 64;
  static constexpr float kCanary = 12345.0f;
  std::vector<float> values_;
};

enum class Wanted { kLosses, kXGradient, kBiasGradient, kAll };

Result<float> run(const Case& in, Wanted wanted, int threads = 2) {
  Guarded losses(in.rows), x_gradient(in.rows * in.hidden), bias_gradient(in.vocabulary);
  VocabularyLossOutput out{losses.data(), nullptr, nullptr};
  if (wanted == Wanted::kXGradient || wanted == Wanted::kAll) out.x_gradient = x_gradient.data();
  if (wanted == Wanted::kBiasGradient || wanted == Wanted::kAll)
    out.bias_gradient = bias_gradient.data();
  vocabulary_loss(in.input(), threads, out);
  return {losses.take(), x_gradient.take(), bias_gradient.take()};
}

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const auto value : values) most = std::max(most, std::abs(value));
  return most;
}

/// Infinite where a value is not a number.
double error(const std::vector<float>& values, const std::vector<double>& expected) {
  double most = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto difference = std::abs(values[i] - expected[i]);
    most = difference <= most ? most : difference;
    if (std::isnan(most)) return std::numeric_limits<double>::infinity();
  }
  return most;
}

/// At most twice the error of plain loops in float, and a few roundings of the largest element.
void expect_as_exact_as_float(const std::vector<float>& values, const std::vector<float>& plain,
                              const std::vector<double>& expected, const std::string& what) {
  ASSERT_EQ(values.size(), expected.size());
  EXPECT_GT(largest(expected), 0) << what;
  EXPECT_LE(error(values, expected), 2 * error(plain, expected) + 2e-7 * largest(expected)) << what;
}

void expect_right(const Case& in) {
  const auto expected = reference<double>(in);
  const auto plain = reference<float>(in);
  for (const auto wanted :
       {Wanted::kLosses, Wanted::kXGradient, Wanted::kBiasGradient, Wanted::kAll}) {
    const auto result = run(in, wanted);
    expect_as_exact_as_float(result.losses, plain.losses, expected.losses, "losses");
    if (wanted == Wanted::kXGradient || wanted == Wanted::kAll)
      expect_as_exact_as_float(result.x_gradient, plain.x_gradient, expected.x_gradient, "x");
    if (wanted == Wanted::kBiasGradient || wanted == Wanted::kAll) {
      expect_as_exact_as_float(result.bias_gradient, plain.bias_gradient, expected.bias_gradient,
                               "bias");
    }
  }
}

void expect_same_bits(const std::vector<float>& one, const std::vector<float>& other) {
  ASSERT_EQ(one.size(), other.size());
  EXPECT_EQ(std::memcmp(one.data(), other.data(), one.size() * sizeof(float)), 0);
}

TEST(VocabularyLoss, IsThatOfPlainLoopsForSizesOfEveryKind) {
  const int64_t sizes[][3] = {{1, 1, 2},    {3, 7, 5},       {1, 16, 64},    {16, 16, 65},
                              {17, 33, 63}, {33, 48, 129},   {154, 96, 700}, {5, 384, 2049},
                              {2, 8, 5000}, {193, 20, 1000}, {400, 24, 333}};
  for (const auto& size : sizes) {
    SCOPED_TRACE(testing::PrintToString(size));
    expect_right(Case(size[0], size[1], size[2]));
  }
}

TEST(VocabularyLoss, TakesFewerRowsAtATimeWhereTheLogitsKeptAreMany) {
  expect_right(Case(/*rows=*/35, /*hidden=*/3, /*vocabulary=*/530001));
}

TEST(VocabularyLoss, HoldsForLogitsUpToFifty) { expect_right(Case(40, 64, 3000, /*scale=*/14)); }

TEST(VocabularyLoss, FollowsAMaximumThatRisesOrFallsThroughTheVocabulary) {
  for (const float slope : {0.04f, -0.04f}) {
    Case in(20, 32, 2500);
    for (int64_t word = 0; word < in.vocabulary; ++word)
      in.bias[word] += slope * static_cast<float>(word - in.vocabulary / 2);
    expect_right(in);
  }
}

TEST(VocabularyLoss, TakesABiasWhoseExponentialIsInfinite) {
  for (const int64_t rows : {3, 16, 33}) {
    Case in(rows, 16, 700);
    in.bias[7] = 88.5f;
    expect_right(in);
  }
}

TEST(VocabularyLoss, OfEqualLargeLogitsIsTheLogarithmOfTheVocabulary) {
  Case in(9, 4, 4099);
  std::fill(in.x.begin(), in.x.end(), 0.0f);
  std::fill(in.bias.begin(), in.bias.end(), 50.0f);
  for (const auto loss : run(in, Wanted::kAll).losses)
    EXPECT_FLOAT_EQ(loss, static_cast<float>(std::log(4099.0)));
}

TEST(VocabularyLoss, CanBeAMillionth) {
  Case in(30, 64, 1500);
  std::fill(in.bias.begin(), in.bias.end(), 0.0f);
  for (int64_t row = 0; row < in.rows; ++row) in.targets[row] = 50 * row;
  for (int64_t row = 0; row < in.rows; ++row) {
    const float* target = in.weight.data() + in.targets[row] * in.hidden;
    for (int64_t i = 0; i < in.hidden; ++i) in.x[row * in.hidden + i] = 30 * target[i];
  }
  const auto expected = reference<double>(in).losses;
  EXPECT_LT(*std::min_element(expected.begin(), expected.end()), 1e-6);
  for (const auto wanted : {Wanted::kLosses, Wanted::kAll}) {
    const auto losses = run(in, wanted).losses;
    for (int64_t row = 0; row < in.rows; ++row)
      EXPECT_NEAR(losses[row], expected[row], 2e-7 + 1e-4 * expected[row]);
  }
}

TEST(VocabularyLoss, HasTheSameBitsWithAnyNumberOfThreads) {
  const Case in(201, 40, 3001);
  for (const auto wanted : {Wanted::kLosses, Wanted::kXGradient, Wanted::kAll}) {
    const auto first = run(in, wanted, 1);
    for (const int threads : {1, 2, 2, 3, 7}) {
      const auto again = run(in, wanted, threads);
      expect_same_bits(again.losses, first.losses);
      expect_same_bits(again.x_gradient, first.x_gradient);
      expect_same_bits(again.bias_gradient, first.bias_gradient);
    }
  }
}

TEST(VocabularyLoss, SumsTheBiasGradientToZero) {
  const auto gradient = run(Case(120, 24, 4000), Wanted::kAll).bias_gradient;
  double sum = 0;
  for (const auto value : gradient) sum += value;
  EXPECT_NEAR(sum, 0, 1e-4);
}

TEST(VocabularyLoss, OfNoRowsIsABiasGradientOfZero) {
  const std::vector<float> weight(12), bias(4);
  std::vector<float> gradient(4, 1);
  vocabulary_loss({nullptr, weight.data(), bias.data(), nullptr, 0, 3, 4}, 2,
                  {nullptr, nullptr, gradient.data()});
  EXPECT_EQ(gradient, std::vector<float>(4, 0));
}

TEST(VocabularyLoss, ShowsAnInputThatIsNotANumberInItsRowAlone) {
  Case in(/*rows=*/250, 16, 500);
  in.x[3] = std::nanf("");
  const auto result = run(in, Wanted::kXGradient);
  for (int64_t row = 0; row < in.rows; ++row) {
    EXPECT_EQ(std::isnan(result.losses[row]), row == 0) << row;
    EXPECT_EQ(std::isnan(result.x_gradient[row * in.hidden]), row == 0) << row;
  }
}

/// The same with x and the weight rounded: what is left are sums in float32, and probabilities
/// rounded for their product with the weight.
TEST(VocabularyLoss, InBfloat16IsThatOfTheRoundedNumbers) {
  if (!has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  const int64_t sizes[][3] = {
      {1, 32, 2}, {33, 64, 129}, {154, 96, 700}, {193, 32, 1000}, {5, 32, 128}};
  for (const auto& size : sizes) {
    SCOPED_TRACE(testing::PrintToString(size));
    Case in(size[0], size[1], size[2]);
    in.bias[0] = 88.5f;  // whose exponential is infinite
    for (auto* values : {&in.x, &in.weight})
      for (auto& value : *values) value = to_float(to_bfloat16(value));
    std::vector<Bfloat16> weight(in.weight.size());
    to_bfloat16(in.weight.data(), static_cast<int64_t>(weight.size()), weight.data());
    const auto expected = reference<double>(in);
    auto input = in.input();
    input.weight = nullptr;
    input.bfloat16_weight = weight.data();
    Guarded losses(in.rows), x_gradient(in.rows * in.hidden), bias_gradient(in.vocabulary);
    vocabulary_loss(input, 2, {losses.data(), x_gradient.data(), bias_gradient.data()});
    EXPECT_LE(error(losses.take(), expected.losses), 1e-5 * largest(expected.losses));
    EXPECT_LE(error(bias_gradient.take(), expected.bias_gradient),
              1e-5 * largest(expected.bias_gradient));
    EXPECT_LE(error(x_gradient.take(), expected.x_gradient), 4e-3 * largest(expected.x_gradient));
  }
}

TEST(VocabularyLoss, KeepsWhatIsNotANumberToItsRow) {
  Case in(9, 16, 300);
  const auto clean = run(in, Wanted::kXGradient);
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto broken = in;
    broken.x[4 * 16 + 3] = value;
    const auto got = run(broken, Wanted::kXGradient);
    for (size_t row = 0; row < 9; ++row) {
      EXPECT_EQ(std::isnan(got.losses[row]), row == 4) << row;
      EXPECT_TRUE(row == 4 || got.losses[row] == clean.losses[row]) << row;
      for (size_t i = row * 16; i < (row + 1) * 16; ++i) {
        if (row == 4) {
          EXPECT_TRUE(std::isnan(got.x_gradient[i]));
        } else {
          EXPECT_EQ(got.x_gradient[i], clean.x_gradient[i]);
        }
      }
    }
  }
}

TEST(VocabularyLoss, TakesWordsThatABiasOfMinusInfinityRulesOut) {
  Case in(5, 16, 700);
  for (size_t word = 0; word < 256; ++word)  // whole panels of them, the first ones
    in.bias[word] = -std::numeric_limits<float>::infinity();
  for (auto& target : in.targets) target = std::max<int64_t>(target, 256);
  const auto exact = reference<double>(in);
  for (const auto wanted : {Wanted::kXGradient, Wanted::kAll}) {
    const auto got = run(in, wanted);
    for (size_t i = 0; i < got.losses.size(); ++i)
      EXPECT_NEAR(got.losses[i], exact.losses[i], 1e-4);
    for (size_t i = 0; i < got.x_gradient.size(); ++i)
      EXPECT_NEAR(got.x_gradient[i], exact.x_gradient[i], 1e-4);
    for (size_t i = 0; i < got.bias_gradient.size() && wanted == Wanted::kAll; ++i)
      EXPECT_NEAR(got.bias_gradient[i], exact.bias_gradient[i], 1e-4);
  }
}

}  // namespace
}  // namespace madx::cpu

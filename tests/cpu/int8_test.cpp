// Frozen layers in int8 against plain loops in double over the same quantised numbers: what is left
// is the rounding of what is scaled in float32.
#include "madx/cpu/int8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "cpu/bfloat16_round.h"
#include "cpu/gelu.h"
#include "gemm/quantised_rows.h"
#include "gemm/test_floats.h"
#include "gemm/tested.h"

namespace madx::cpu {
namespace int8_test {

constexpr int64_t kInnerBlock = 512;  // of src/cpu/int8_layers.cpp

/// Rows as a product sees them. The inner units of a feed-forward block are quantised by blocks.
Floats quantised(const Floats& x, int64_t columns, const std::vector<int32_t>& exact = {},
                 int64_t block = 1 << 20) {
  Floats result = x;
  QuantisedRows rows(1, columns);
  for (size_t row = 0; row < x.size() / columns; ++row) {
    for (int64_t first = 0; first < columns; first += block) {
      const auto size = std::min(block, columns - first);
      float* const to = result.data() + row * columns + first;
      rows.load(0, x.data() + row * columns + first, size, exact.data(),
                static_cast<int64_t>(exact.size()));
      for (int64_t i = 0; i < size; ++i)
        to[i] = rows.scale(0) * static_cast<float>(rows.row(0)[i] - rows.zero(0));
    }
    for (const auto column : exact) result[row * columns + column] = x[row * columns + column];
  }
  return result;
}

Floats transposed(const Floats& matrix, int64_t rows, int64_t columns) {
  Floats result(matrix.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
  return result;
}

struct Matrix {
  Matrix(const Floats& weight, int64_t out, int64_t in_, const std::vector<int32_t>& exact)
      : in(in_), panels(weight.size()), scales(out), rounded(weight.size()) {
    quantise(weight.data(), out, in, exact.data(), static_cast<int64_t>(exact.size()),
             {panels.data(), scales.data()});
    dequantise(get(), out, in, rounded.data());
  }
  Int8Matrix get() const { return {panels.data(), kInt8Granule * in, scales.data()}; }
  int64_t in;
  std::vector<int8_t> panels;
  Floats scales, rounded;
};

struct Layer {
  Layer(int64_t in_, int64_t out_, unsigned seed, std::vector<int32_t> exact_ = {})
      : in(in_),
        out(out_),
        exact(std::move(exact_)),
        weight(random_floats(in * out, 1 / std::sqrt(static_cast<double>(in)), seed)),
        bias(random_floats(out, 0.5, seed + 1)),
        forward(weight, out, in, exact),
        back(transposed(weight, out, in), in, out, {}) {
    for (const auto column : exact)
      for (int64_t o = 0; o < out; ++o) exact_weights.push_back(weight[o * in + column]);
  }
  /// Outputs [first, first + count).
  FrozenInt8 part(int64_t first, int64_t count) const {
    auto there = forward.get(), backward = back.get();
    there.panels += first * in;
    there.scales += first;
    backward.panels += first * kInt8Granule;
    return {there, backward,     bias.data() + first,          in,
            count, exact.data(), exact_weights.data() + first, static_cast<int64_t>(exact.size()),
            out};
  }
  FrozenInt8 frozen() const { return part(0, out); }

  /// x W^T + b of quantised x.
  Floats apply(const Floats& x, int64_t first, int64_t count, int64_t block = 1 << 20) const {
    const auto rounded = quantised(x, in, exact, block);
    Floats y;
    for (size_t row = 0; row < x.size() / in; ++row) {
      for (int64_t o = first; o < first + count; ++o) {
        double sum = bias[o];
        for (int64_t i = 0; i < in; ++i)
          sum += double{forward.rounded[o * in + i]} * rounded[row * in + i];
        for (const auto column : exact)
          sum += double{weight[o * in + column]} * x[row * in + column];
        y.push_back(static_cast<float>(sum));
      }
    }
    return y;
  }
  Floats gradient(const Floats& y_gradient, int64_t first, int64_t count,
                  int64_t block = 1 << 20) const {
    const auto rounded = quantised(y_gradient, count, {}, block);
    Floats x_gradient;
    for (size_t row = 0; row < y_gradient.size() / count; ++row) {
      for (int64_t i = 0; i < in; ++i) {
        double sum = 0;
        for (int64_t o = 0; o < count; ++o)
          sum += double{back.rounded[i * out + first + o]} * rounded[row * count + o];
        x_gradient.push_back(static_cast<float>(sum));
      }
    }
    return x_gradient;
  }

  int64_t in, out;
  std::vector<int32_t> exact;
  Floats weight, bias;
  Matrix forward, back;
  Floats exact_weights;
};

TEST(Int8Weights, AreWithinHalfAStepOfEachOutput) {
  if (!has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  const Layer layer(48, 32, 1, {3, 40});
  for (int64_t o = 0; o < layer.out; ++o) {
    for (int64_t i = 0; i < layer.in; ++i) {
      const auto place = o * layer.in + i;
      if (i == 3 || i == 40) {
        EXPECT_EQ(layer.forward.rounded[place], 0);
      } else {
        EXPECT_NEAR(layer.forward.rounded[place], layer.weight[place],
                    0.5001 * layer.forward.scales[o]);
      }
    }
  }
}

TEST(Int8Weights, ShowAnOutputThatIsNotANumberInItAlone) {
  if (!has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  constexpr int64_t kIn = 48, kOut = 32, kRows = 7;
  auto weight = random_floats(kIn * kOut, 1, 1);
  const auto infinity = std::numeric_limits<float>::infinity();
  weight[3 * kIn + 5] = std::nanf("");
  weight[4 * kIn] = infinity;
  weight[20 * kIn + 47] = -infinity;
  const Matrix matrix(weight, kOut, kIn, {});
  const Floats bias(kOut);
  const FrozenInt8 layer{matrix.get(), {}, bias.data(), kIn, kOut, nullptr, nullptr, 0, 0};
  const auto x = random_floats(kRows * kIn, 1, 2);
  Floats y(kRows * kOut);
  frozen_linear_forward(layer, x.data(), kRows, 2, y.data());
  for (int64_t o = 0; o < kOut; ++o) {
    const bool bad = o == 3 || o == 4 || o == 20;
    EXPECT_EQ(std::isnan(matrix.scales[o]), bad) << o;
    for (int64_t row = 0; row < kRows; ++row) EXPECT_EQ(std::isnan(y[row * kOut + o]), bad) << o;
    for (int64_t i = 0; i < kIn; ++i) EXPECT_EQ(std::isnan(matrix.rounded[o * kIn + i]), bad) << o;
  }
}

TEST(Int8Weights, MakeZerosOfNumbersTooSmallForAStep) {
  if (!has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  constexpr int64_t kIn = 16, kOut = 16;
  auto weight = random_floats(kIn * kOut, 1, 1);
  for (int64_t i = 0; i < kIn; ++i) weight[i] *= 1e-40f, weight[kIn + i] *= 1e-37f;
  const Matrix matrix(weight, kOut, kIn, {});
  for (int64_t i = 0; i < 2 * kIn; ++i) EXPECT_EQ(matrix.rounded[i], 0);
  for (int64_t i = 2 * kIn; i < 3 * kIn; ++i) EXPECT_NEAR(matrix.rounded[i], weight[i], 0.02);
}

class Int8Layers : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t, int>> {
 protected:
  void SetUp() override {
    if (!has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
    std::tie(rows, in, out, threads) = GetParam();
  }
  int64_t rows = 0, in = 0, out = 0;
  int threads = 1;
};

INSTANTIATE_TEST_SUITE_P(Shapes, Int8Layers,
                         testing::Combine(testing::Values<int64_t>(1, 5, 32, 130),
                                          testing::Values<int64_t>(16, 80),
                                          testing::Values<int64_t>(48, 208, 528),
                                          testing::Values(1, 3)));

TEST_P(Int8Layers, EqualThePlainEquation) {
  const Layer layer(in, out, 1);
  const auto x = random_floats(rows * in, 1, 9);
  auto y = guarded(rows * out);
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads, y.data());
  expect_near(y, layer.apply(x, 0, out), 1e-5);
}

TEST_P(Int8Layers, GiveTheGradientOfTheirInput) {
  const Layer layer(in, out, 1);
  const auto y_gradient = random_floats(rows * out, 0.3, 9);
  auto x_gradient = guarded(rows * in);
  frozen_linear_backward(layer.frozen(), y_gradient.data(), rows, threads, x_gradient.data());
  expect_near(x_gradient, layer.gradient(y_gradient, 0, out), 1e-5);
}

TEST_P(Int8Layers, CanBeAPartOfAWeight) {
  const Layer layer(in, out, 1, {1, 9});
  const auto first = kInt8Granule, count = out - kInt8Granule;
  const auto x = random_floats(rows * in, 1, 9), y_gradient = random_floats(rows * count, 0.3, 10);
  auto y = guarded(rows * count), x_gradient = guarded(rows * in);
  frozen_linear_forward(layer.part(first, count), x.data(), rows, threads, y.data());
  expect_near(y, layer.apply(x, first, count), 1e-5);
  frozen_linear_backward(layer.part(first, count), y_gradient.data(), rows, threads,
                         x_gradient.data());
  expect_near(x_gradient, layer.gradient(y_gradient, first, count), 1e-5);
}

TEST_P(Int8Layers, MultiplyExactColumnsInFloat32) {
  const Layer layer(in, out, 1, {0, 7, 15});
  auto x = random_floats(rows * in, 1, 9);
  for (int64_t row = 0; row < rows; ++row)
    for (const auto column : layer.exact) x[row * in + column] *= 300;
  auto y = guarded(rows * out);
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads, y.data());
  expect_near(y, layer.apply(x, 0, out), 1e-4);
}

TEST_P(Int8Layers, MakeTheFeedForwardBlock) {
  const Layer first(in, out, 1, {2}), second(out, in, 3);
  const FeedForwardInt8 layers{first.frozen(), second.frozen()};
  const auto x = random_floats(rows * in, 1, 9), y_gradient = random_floats(rows * in, 0.3, 10);
  auto y = guarded(rows * in), again = y, x_gradient = y;
  std::vector<Bfloat16> kept(static_cast<size_t>(rows * out));
  feed_forward_forward(layers, x.data(), rows, threads, kept.data(), y.data());
  feed_forward_backward(layers, kept.data(), y_gradient.data(), rows, threads, x_gradient.data());

  const auto inner = first.apply(x, 0, out);
  auto activated = inner;
  for (auto& value : activated) value = gelu(value);
  // A value between the layers may be rounded to the next step: one of 255 of one of many terms.
  expect_near(y, second.apply(activated, 0, in, kInnerBlock), 5e-3);
  auto inner_gradient = second.gradient(y_gradient, 0, in);
  for (size_t i = 0; i < inner.size(); ++i)
    inner_gradient[i] *= gelu_slope(to_float(to_bfloat16(inner[i])));
  expect_near(x_gradient, first.gradient(inner_gradient, 0, out, kInnerBlock), 5e-3);

  feed_forward_forward(layers, x.data(), rows, threads, /*kept=*/nullptr, again.data());
  EXPECT_EQ(again, y);
}

TEST_P(Int8Layers, HaveTheSameBitsWithAnyNumberOfThreads) {
  const Layer layer(in, out, 1);
  const auto x = random_floats(rows * in, 1, 9);
  Floats one(static_cast<size_t>(rows * out)), other = one;
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads, one.data());
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads + 1, other.data());
  EXPECT_EQ(one, other);
}

/// All numbers at the ends of their ranges: sums of pairs that would not fit 16 bits.
TEST(Int8Layers, DoNotSaturate) {
  if (!has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  constexpr int64_t kIn = 3072, kOut = 16;
  const Floats weight(kIn * kOut, 127.0f), bias(kOut);
  const Matrix matrix(weight, kOut, kIn, {});
  const FrozenInt8 layer{matrix.get(), {}, bias.data(), kIn, kOut, nullptr, nullptr, 0, 0};
  const Floats x(kIn, 255.0f);
  auto y = guarded(kOut);
  frozen_linear_forward(layer, x.data(), 1, 1, y.data());
  for (int64_t o = 0; o < kOut; ++o) EXPECT_EQ(y[o], 255.0f * 127 * kIn);
}

TEST(Int8Layers, ShowAnInputThatIsNotANumberInItsRowAlone) {
  if (!has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  const Layer layer(32, 64, 1);
  const auto infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), infinity, -infinity}) {
    auto x = random_floats(40 * 32, 1, 2);
    x[33 * 32 + 5] = bad;
    Floats y(40 * 64);
    frozen_linear_forward(layer.frozen(), x.data(), 40, 2, y.data());
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 64 == 33) << i;
  }
}

}  // namespace int8_test
}  // namespace madx::cpu

// Frozen layers in bfloat16 against plain loops in double over the same rounded numbers: what is
// left is the rounding of sums in float32, and of values between two layers.
#include "madx/cpu/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "cpu/bfloat16_round.h"
#include "cpu/gelu.h"
#include "gemm/test_floats.h"
#include "gemm/tested.h"

namespace madx::cpu {
namespace {

using Bits = std::vector<Bfloat16>;

float rounded(float value) { return to_float(to_bfloat16(value)); }

Floats rounded(Floats values) {
  for (auto& value : values) value = rounded(value);
  return values;
}

TEST(Bfloat16Rounding, GoesToTheNearestAndToEvenFromTheMiddle) {
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0x1p-8f), 1.0f);                // the middle: down to even
  EXPECT_EQ(rounded(1.0f + 3 * 0x1p-8f), 1.0f + 0x1p-6f);  // the middle: up to even
  EXPECT_EQ(rounded(1.0f + 0x1p-8f + 0x1p-20f), 1.0f + 0x1p-7f);
  EXPECT_EQ(rounded(-3.0e38f), -rounded(3.0e38f));
  EXPECT_EQ(rounded(std::numeric_limits<float>::infinity()),
            std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(rounded(std::nanf(""))));
  EXPECT_TRUE(std::isnan(rounded(-std::nanf("0x7fffff"))));
}

/// A layer with its weight rounded and packed.
struct Layer {
  Layer(int64_t in_, int64_t out_, unsigned seed)
      : in(in_),
        out(out_),
        weight(rounded(random_floats(in * out, 1 / std::sqrt(static_cast<double>(in)), seed))),
        bias(random_floats(out, 0.5, seed + 1)),
        forward(weight.size()),
        backward(weight.size()) {
    Bits bits(weight.size());
    to_bfloat16(weight.data(), in * out, bits.data());
    pack_transposed(bits.data(), out, in, forward.data());
    pack(bits.data(), out, in, in, out, backward.data());
  }
  FrozenBfloat16 frozen() const {
    return {forward.data(), backward.data(), kBfloat16Granule * out, bias.data(), in, out};
  }
  /// Outputs [first, first + count).
  FrozenBfloat16 part(int64_t first, int64_t count) const {
    return {forward.data() + first * in,
            backward.data() + first * kBfloat16Granule,
            kBfloat16Granule * out,
            bias.data() + first,
            in,
            count};
  }
  /// x W^T + b of rounded x, rows of it, outputs [first, first + count).
  Floats apply(const Floats& x, int64_t first, int64_t count) const {
    Floats y;
    for (size_t row = 0; row < x.size() / in; ++row) {
      for (int64_t o = first; o < first + count; ++o) {
        double sum = bias[o];
        for (int64_t i = 0; i < in; ++i)
          sum += double{weight[o * in + i]} * rounded(x[row * in + i]);
        y.push_back(static_cast<float>(sum));
      }
    }
    return y;
  }
  Floats back(const Floats& y_gradient, int64_t first, int64_t count) const {
    Floats x_gradient;
    for (size_t row = 0; row < y_gradient.size() / count; ++row) {
      for (int64_t i = 0; i < in; ++i) {
        double sum = 0;
        for (int64_t o = 0; o < count; ++o)
          sum += double{weight[(first + o) * in + i]} * rounded(y_gradient[row * count + o]);
        x_gradient.push_back(static_cast<float>(sum));
      }
    }
    return x_gradient;
  }

  int64_t in, out;
  Floats weight, bias;
  Bits forward, backward;
};

class Bfloat16Layers : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t, int>> {
 protected:
  void SetUp() override {
    if (!has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
    std::tie(rows, in, out, threads) = GetParam();
  }
  int64_t rows = 0, in = 0, out = 0;
  int threads = 1;
};

INSTANTIATE_TEST_SUITE_P(Shapes, Bfloat16Layers,
                         testing::Combine(testing::Values<int64_t>(1, 31, 32, 130),
                                          testing::Values<int64_t>(32, 96),
                                          testing::Values<int64_t>(64, 288, 512),
                                          testing::Values(1, 3)));

TEST_P(Bfloat16Layers, EqualThePlainEquation) {
  const Layer layer(in, out, 1);
  const auto x = random_floats(rows * in, 1, 9);
  auto y = guarded(rows * out);
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads, y.data());
  expect_near(y, layer.apply(x, 0, out), 1e-5);
}

TEST_P(Bfloat16Layers, GiveTheGradientOfTheirInput) {
  const Layer layer(in, out, 1);
  const auto y_gradient = random_floats(rows * out, 0.3, 9);
  auto x_gradient = guarded(rows * in);
  frozen_linear_backward(layer.frozen(), y_gradient.data(), rows, threads, x_gradient.data());
  expect_near(x_gradient, layer.back(y_gradient, 0, out), 1e-5);
}

TEST_P(Bfloat16Layers, CanBeAPartOfAPackedWeight) {
  const Layer layer(in, out, 1);
  const auto first = kBfloat16Granule, count = out - kBfloat16Granule;
  const auto x = random_floats(rows * in, 1, 9), y_gradient = random_floats(rows * count, 0.3, 10);
  auto y = guarded(rows * count), x_gradient = guarded(rows * in);
  frozen_linear_forward(layer.part(first, count), x.data(), rows, threads, y.data());
  expect_near(y, layer.apply(x, first, count), 1e-5);
  frozen_linear_backward(layer.part(first, count), y_gradient.data(), rows, threads,
                         x_gradient.data());
  expect_near(x_gradient, layer.back(y_gradient, first, count), 1e-5);
}

TEST_P(Bfloat16Layers, MakeTheFeedForwardBlock) {
  const Layer first(in, out, 1), second(out, in, 3);
  const FeedForwardBfloat16 layers{first.frozen(), second.frozen()};
  const auto x = random_floats(rows * in, 1, 9), y_gradient = random_floats(rows * in, 0.3, 10);
  auto y = guarded(rows * in), again = y, x_gradient = y;
  Bits kept(static_cast<size_t>(rows * out));
  feed_forward_forward(layers, x.data(), rows, threads, kept.data(), y.data());
  feed_forward_backward(layers, kept.data(), y_gradient.data(), rows, threads, x_gradient.data());

  const auto inner = first.apply(x, 0, out);
  auto activated = inner;
  for (auto& value : activated) value = gelu(value);
  // A value between the layers may round the other way: a few parts of 256 of one of many terms.
  expect_near(y, second.apply(activated, 0, in), 2e-3);
  auto inner_gradient = second.back(y_gradient, 0, in);
  for (size_t i = 0; i < inner.size(); ++i) inner_gradient[i] *= gelu_slope(rounded(inner[i]));
  expect_near(x_gradient, first.back(inner_gradient, 0, out), 2e-3);

  feed_forward_forward(layers, x.data(), rows, threads, /*kept=*/nullptr, again.data());
  EXPECT_EQ(again, y);
}

TEST_P(Bfloat16Layers, HaveTheSameBitsWithAnyNumberOfThreads) {
  const Layer layer(in, out, 1);
  const auto x = random_floats(rows * in, 1, 9);
  Floats one(static_cast<size_t>(rows * out)), other = one;
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads, one.data());
  frozen_linear_forward(layer.frozen(), x.data(), rows, threads + 1, other.data());
  EXPECT_EQ(one, other);
}

TEST(Bfloat16Layers, ShowAnInputThatIsNotANumberInItsRowAlone) {
  if (!has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  const Layer layer(32, 64, 1);
  auto x = random_floats(40 * 32, 1, 2);
  x[33 * 32 + 5] = std::nanf("");
  Floats y(40 * 64);
  frozen_linear_forward(layer.frozen(), x.data(), 40, 2, y.data());
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 64 == 33) << i;
}

}  // namespace
}  // namespace madx::cpu

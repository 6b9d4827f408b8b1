// Frozen layers and the feed-forward block against plain double-precision loops; gradients against
// the closed form in double.
#include "madx/cpu/frozen_linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "cpu/gelu.h"
#include "cpu/gelu_to_8_bits.h"
#include "gemm/test_floats.h"
#include "gemm/tested.h"

namespace madx::cpu {
namespace {

using Doubles = std::vector<double>;

/// A layer's weights, and its equation in double.
struct Layer {
  Layer(int64_t in, int64_t out, unsigned seed)
      : weight(random_floats(in * out, 1 / std::sqrt(static_cast<double>(in)), seed)),
        bias(random_floats(out, 0.5, seed + 1)),
        in(in),
        out(out) {}
  FrozenWeight frozen() const { return {weight.data(), bias.data(), in, out}; }

  Doubles forward(const Doubles& x) const {
    const auto rows = static_cast<int64_t>(x.size()) / in;
    Doubles y(static_cast<size_t>(rows * out));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t o = 0; o < out; ++o) {
        double sum = bias[o];
        for (int64_t i = 0; i < in; ++i) sum += double{weight[o * in + i]} * x[row * in + i];
        y[row * out + o] = sum;
      }
    }
    return y;
  }
  Doubles backward(const Doubles& y_gradient) const {
    const auto rows = static_cast<int64_t>(y_gradient.size()) / out;
    Doubles x_gradient(static_cast<size_t>(rows * in));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t o = 0; o < out; ++o)
        for (int64_t i = 0; i < in; ++i)
          x_gradient[row * in + i] += double{weight[o * in + i]} * y_gradient[row * out + o];
    return x_gradient;
  }

  Floats weight, bias;
  int64_t in, out;
};

double gelu_of(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double gelu_slope_of(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
}

Doubles doubles(const Floats& values) { return {values.begin(), values.end()}; }

void expect_equal(const Floats& ours, const Doubles& expected) {
  ASSERT_EQ(ours.size(), expected.size() + 1);
  EXPECT_EQ(ours.back(), kCanary);
  double size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(ours[i], expected[i], 1e-5 * (1 + std::abs(expected[i]))) << i;
    size += std::abs(ours[i]);
  }
  EXPECT_GT(size, 0);
}

class FrozenLinear : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t, int>> {
 protected:
  int64_t rows() const { return std::get<0>(GetParam()); }
  int64_t in() const { return std::get<1>(GetParam()); }
  int64_t out() const { return std::get<2>(GetParam()); }
  int threads() const { return std::get<3>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Shapes, FrozenLinear,
                         testing::Combine(testing::Values<int64_t>(1, 17, 130),
                                          testing::Values<int64_t>(5, 64, 100),
                                          testing::Values<int64_t>(3, 256, 300),
                                          testing::Values(1, 3)));

TEST_P(FrozenLinear, EqualsThePlainEquation) {
  const Layer layer(in(), out(), 1);
  const auto x = random_floats(rows() * in(), 1, 9);
  auto y = guarded(rows() * out());
  frozen_linear_forward(layer.frozen(), x.data(), rows(), threads(), y.data());
  expect_equal(y, layer.forward(doubles(x)));
}

TEST_P(FrozenLinear, GivesTheGradientOfItsInput) {
  const Layer layer(in(), out(), 1);
  const auto y_gradient = random_floats(rows() * out(), 0.3, 9);
  auto x_gradient = guarded(rows() * in());
  frozen_linear_backward(layer.frozen(), y_gradient.data(), rows(), threads(), x_gradient.data());
  expect_equal(x_gradient, layer.backward(doubles(y_gradient)));
}

TEST_P(FrozenLinear, FeedForwardEqualsThePlainEquation) {
  const Layer first(in(), out(), 1), second(out(), in(), 3);
  const FeedForward layers{first.frozen(), second.frozen()};
  const auto x = random_floats(rows() * in(), 1, 9);
  const auto y_gradient = random_floats(rows() * in(), 0.3, 10);
  auto y = guarded(rows() * in()), again = y, x_gradient = y;
  auto kept = guarded(feed_forward_kept(layers, rows(), threads()));
  feed_forward_forward(layers, x.data(), rows(), threads(), kept.data(), y.data());
  feed_forward_backward(layers, kept.data(), y_gradient.data(), rows(), threads(),
                        x_gradient.data());
  EXPECT_EQ(kept.back(), kCanary);

  const auto inner = first.forward(doubles(x));
  auto activated = inner;
  for (auto& value : activated) value = gelu_of(value);
  expect_equal(y, second.forward(activated));
  auto inner_gradient = second.backward(doubles(y_gradient));
  for (size_t i = 0; i < inner.size(); ++i) inner_gradient[i] *= gelu_slope_of(inner[i]);
  expect_equal(x_gradient, first.backward(inner_gradient));

  feed_forward_forward(layers, x.data(), rows(), threads(), /*kept=*/nullptr, again.data());
  EXPECT_EQ(again, y);
}

TEST(Gelu, IsTheExactFormWithinThreeUnitsOfTheLastPlaceOfOne) {
  for (double x = -20; x < 20; x += 1e-3) {
    const auto value = static_cast<float>(x);
    ASSERT_NEAR(gelu(value), gelu_of(value), 2e-7 * std::max(1.0, std::abs(x))) << x;
    ASSERT_NEAR(gelu_slope(value), gelu_slope_of(value), 4e-7) << x;
  }
}

TEST(Gelu, IsNearEnoughForStepsOfEightBits) {
  for (double x = -40; x < 40; x += 1e-3) {
    const auto value = static_cast<float>(x);
    ASSERT_NEAR(gelu_to_8_bits(value), gelu_of(value), std::max(7e-5, 7e-6 * std::abs(x))) << x;
    ASSERT_NEAR(gelu_slope_to_8_bits(value), gelu_slope_of(value), 2e-4) << x;
  }
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(gelu_to_8_bits(nan)));
  EXPECT_TRUE(std::isnan(gelu_slope_to_8_bits(nan)));
}

}  // namespace
}  // namespace madx::cpu

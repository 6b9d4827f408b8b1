// Ops on weights in int8 against the plain forms in float32: what is left are the steps of 8 bits.
#include <gmock/gmock.h>
#include <torch/utils.h>

#include <cmath>

#include "../support.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/embedding.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/int8_weight.h"

namespace madx::ops {
namespace int8_layers_test {

using testing::HasSubstr;

FrozenLinear int8(const at::Tensor& weight, const at::Tensor& bias,
                  std::vector<int32_t> exact = {}) {
  return {at::Tensor(), bias, std::make_shared<Int8Weight>(weight, std::move(exact))};
}

double relative(const at::Tensor& ours, const at::Tensor& theirs) {
  EXPECT_GT(theirs.norm().item<double>(), 0);
  return ((ours - theirs).norm() / theirs.norm()).item<double>();
}

class Int8Ops : public testing::Test {
 protected:
  static constexpr int64_t kRows = 45, kHidden = 80, kInner = 320;
  void SetUp() override {
    if (!cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
    torch::manual_seed(3);
  }
  static at::Tensor weight(int64_t out, int64_t in) {
    return at::randn({out, in}) / std::sqrt(static_cast<double>(in));
  }
};

TEST_F(Int8Ops, AWeightUnpacksToWithinHalfAStep) {
  const auto any = at::randn({96, 64});
  const auto step = any.index_fill(1, at::tensor({int64_t{5}}), 0).abs().amax(1, true) / 127;
  const auto unpacked = Int8Weight(any, {5}).unpacked();
  EXPECT_TRUE(at::equal(unpacked.select(1, 5), any.select(1, 5)));
  EXPECT_TRUE(((unpacked - any).abs() <= 0.5001 * step).all().item<bool>());
}

TEST_F(Int8Ops, RefuseSizesThatAreNoMultiplesOf16) {
  EXPECT_EQ(torch_error_of([] {
              Int8Weight(at::zeros({33, 64}));
            }),
            "Int8Weight: expected sizes that are multiples of 16, but got [33, 64]");
  const auto layer = int8(weight(kHidden, kHidden), at::zeros({kHidden}));
  EXPECT_EQ(torch_error_of([&] {
              frozen_linear(at::zeros({2, kHidden}), layer.narrow(8, 16));
            }),
            "frozen_linear: expected outputs in multiples of 16 within 80, but got 16 from 8 on");
  EXPECT_EQ(torch_error_of([&] {
              frozen_linear(at::zeros({2, kHidden}), layer.narrow(-16, 16));
            }),
            "frozen_linear: expected outputs in multiples of 16 within 80, but got 16 from -16 on");
}

TEST_F(Int8Ops, RefuseColumnsThatAreNotThere) {
  for (const auto& exact : {std::vector<int32_t>{3, 1}, {3, 3}, {-1}, {64}}) {
    EXPECT_EQ(torch_error_of([&] {
                Int8Weight(at::zeros({32, 64}), exact);
              }),
              "Int8Weight: expected ascending columns in [0, 64), but got others");
  }
}

TEST_F(Int8Ops, RefuseFeedForwardBlocksThatTheyDoNotCompute) {
  const auto first = int8(weight(kInner, kHidden), at::zeros({kInner}));
  const auto exact = int8(weight(kHidden, kInner), at::zeros({kHidden}), {5});
  const auto x = at::zeros({2, kHidden});
  EXPECT_THAT(torch_error_of([&] { feed_forward(x, first, exact); }),
              HasSubstr("expected a second weight without exact columns"));
  const auto matrix = at::zeros({64, 64}), bias = at::zeros({64});
  const FrozenLinear other{at::Tensor(), bias, std::make_shared<Bfloat16Weight>(matrix)};
  EXPECT_THAT(torch_error_of([&] {
                feed_forward(at::zeros({2, 64}), int8(matrix, bias), other);
              }),
              HasSubstr("expected packed weights of one class"));
}

TEST_F(Int8Ops, FrozenLinearAndItsGradient) {
  const auto matrix = weight(3 * kHidden, kHidden), bias = at::randn({3 * kHidden});
  const FrozenLinear whole{matrix, bias};
  const auto layer = int8(matrix, bias, {7});
  for (const auto& [begin, count] : {std::pair{int64_t{0}, 3 * kHidden}, {kHidden, 2 * kHidden}}) {
    auto x = at::randn({kRows, kHidden});
    x.select(1, 7) *= 100;  // of which the others keep their precision
    x.requires_grad_();
    auto same = x.detach().clone().requires_grad_();
    const auto y = frozen_linear(x, layer.narrow(begin, count));
    const auto expected = frozen_linear(same, whole.narrow(begin, count));
    EXPECT_LT(
        relative(y - whole.narrow(begin, count).bias, expected - whole.narrow(begin, count).bias),
        1.5e-2);
    const auto direction = at::randn_like(y);
    (y * direction).sum().backward();
    (expected * direction).sum().backward();
    EXPECT_LT(relative(x.grad(), same.grad()), 2e-2);
  }
}

TEST_F(Int8Ops, FeedForwardAndItsGradient) {
  const auto w1 = weight(kInner, kHidden), b1 = at::randn({kInner});
  const auto w2 = weight(kHidden, kInner), b2 = at::randn({kHidden});
  auto x = at::randn({kRows, kHidden}).requires_grad_(), same = x.detach().clone();
  same.requires_grad_();
  const auto y = feed_forward(x, int8(w1, b1), int8(w2, b2));
  const auto expected = feed_forward(same, {w1, b1}, {w2, b2});
  EXPECT_LT(relative(y, expected), 2e-2);
  const auto direction = at::randn_like(y);
  (y * direction).sum().backward();
  (expected * direction).sum().backward();
  EXPECT_LT(relative(x.grad(), same.grad()), 3e-2);
  torch::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(feed_forward(x, int8(w1, b1), int8(w2, b2)), y));
}

TEST(LargeColumns, AreThoseThatALayerNormMakesLarge) {
  auto weight = at::ones({96}), bias = at::zeros({96});
  EXPECT_TRUE(large_columns(weight, bias).empty());
  weight[70] = -5;
  bias[11] = 9;
  weight[3] = 1.5;  // not twice the median
  EXPECT_EQ(large_columns(weight, bias), (std::vector<int32_t>{11, 70}));
  bias.narrow(0, 0, 40).fill_(20);
  EXPECT_EQ(large_columns(weight, bias).size(), 3u);  // hidden / 32
  EXPECT_TRUE(large_columns(at::ones({16}), at::zeros({16})).empty());
}

TEST(EmbedInt8, CountsRowsByTheirScales) {
  torch::manual_seed(3);
  const auto words = at::randn({5000, 12}) * at::rand({5000, 1});
  int64_t read = 0;
  const auto rows = quantise_rows(words, [&](const at::Tensor& part) { read += part.size(0); });
  EXPECT_EQ(read, 5000);
  EmbeddingTables tables{rows.rows, at::randn({9, 12}), at::randn({2, 12}), rows.scales};
  const auto ids = at::tensor({int64_t{4999}, int64_t{0}, int64_t{4096}}),
             places = at::zeros({3}, at::kLong);
  const auto step = words.index_select(0, ids).abs().amax(1, true) / 127;
  const auto near = tables.words_of(ids);
  EXPECT_TRUE(((near - words.index_select(0, ids)).abs() <= 0.5001 * step).all().item<bool>());
  const FrozenLayerNorm norm{at::randn({12}), at::randn({12}), 1e-5};
  expect_close(embed(ids, places, tables, norm, /*dropout=*/0),
               norm(near + tables.positions[0] + tables.types[0]), 1e-5);
  tables.word_scales = at::Tensor();
  EXPECT_EQ(torch_error_of([&] { embed(ids, places, tables, norm, 0); }),
            "embed: beside words in int8, expected a scale of float32 for each");
}

TEST(EmbedInt8, TakesARowOfZeros) {
  const auto rows = quantise_rows(at::zeros({3, 4}), [](const at::Tensor&) {});
  EXPECT_TRUE(at::equal(rows.rows, at::zeros({3, 4}, at::kChar)));
  EXPECT_TRUE(at::equal(rows.scales, at::zeros({3})));
}

}  // namespace int8_layers_test
}  // namespace madx::ops

// Ops on weights in bfloat16 against the plain forms in float32 on the same rounded weights. What
// is left is the rounding of the other operand: 2^-9 of each term.
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include "../support.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/embedding.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/linear_cross_entropy.h"

namespace madx::ops {
namespace bfloat16_layers_test {

FrozenLinear packed(const at::Tensor& weight, const at::Tensor& bias) {
  return {at::Tensor(), bias, std::make_shared<Bfloat16Weight>(weight)};
}

/// At most this share of the largest value.
void expect_near(const at::Tensor& ours, const at::Tensor& theirs, double share) {
  EXPECT_GT(theirs.abs().max().item<double>(), 0);
  expect_close(ours, theirs, share * theirs.abs().max().item<double>());
}

class Bfloat16Ops : public testing::Test {
 protected:
  static constexpr int64_t kRows = 45, kHidden = 64, kInner = 320;
  void SetUp() override {
    if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
    torch::manual_seed(3);
  }
  static at::Tensor weight(int64_t out, int64_t in) {
    return (at::randn({out, in}) / std::sqrt(static_cast<double>(in)))
        .to(at::kBFloat16)
        .to(at::kFloat);
  }
};

TEST_F(Bfloat16Ops, ABfloat16WeightUnpacksToItsRoundedSelf) {
  const auto any = at::randn({96, 64});
  const Bfloat16Weight packed(any);
  EXPECT_TRUE(at::equal(packed.unpacked(), any.to(at::kBFloat16)));
}

TEST_F(Bfloat16Ops, RefusesSizesThatAreNoMultiplesOf32) {
  EXPECT_EQ(torch_error_of([] {
              Bfloat16Weight(at::zeros({33, 64}));
            }),
            "Bfloat16Weight: expected sizes that are multiples of 32, but got [33, 64]");
  const auto layer = packed(weight(kHidden, kHidden), at::zeros({kHidden}));
  EXPECT_EQ(torch_error_of([&] {
              frozen_linear(at::zeros({2, kHidden}), layer.narrow(16, 32));
            }),
            "frozen_linear: expected outputs in multiples of 32 within 64, but got 32 from 16 on");
}

TEST_F(Bfloat16Ops, RefusesOutputsBeforeTheFirst) {
  const auto layer = packed(weight(kHidden, kHidden), at::zeros({kHidden}));
  EXPECT_EQ(torch_error_of([&] {
              frozen_linear(at::zeros({2, kHidden}), layer.narrow(-32, 32));
            }),
            "frozen_linear: expected outputs in multiples of 32 within 64, but got 32 from -32 on");
}

TEST_F(Bfloat16Ops, RefuseRowsOfAnotherKind) {
  const auto layer = packed(weight(kHidden, kHidden), at::zeros({kHidden}));
  EXPECT_EQ(torch_error_of([&] {
              frozen_linear(at::zeros({2, kHidden}, at::kDouble), layer);
            }),
            "frozen_linear: with a packed weight, expected float32 rows on the CPU, but got "
            "[2, 64] of Double on cpu");
}

TEST_F(Bfloat16Ops, FrozenLinearAndItsGradient) {
  const auto matrix = weight(3 * kHidden, kHidden), bias = at::randn({3 * kHidden});
  const FrozenLinear whole{matrix, bias};
  const auto layer = packed(matrix, bias);
  for (const auto& [begin, count] : {std::pair{int64_t{0}, 3 * kHidden}, {kHidden, 2 * kHidden}}) {
    auto x = at::randn({kRows, kHidden}).requires_grad_(), same = x.detach().clone();
    same.requires_grad_();
    const auto y = frozen_linear(x, layer.narrow(begin, count));
    const auto expected = frozen_linear(same, whole.narrow(begin, count));
    expect_near(y, expected, 4e-3);
    const auto direction = at::randn_like(y);
    (y * direction).sum().backward();
    (expected * direction).sum().backward();
    expect_near(x.grad(), same.grad(), 4e-3);
  }
}

TEST_F(Bfloat16Ops, FeedForwardAndItsGradient) {
  const auto w1 = weight(kInner, kHidden), b1 = at::randn({kInner});
  const auto w2 = weight(kHidden, kInner), b2 = at::randn({kHidden});
  auto x = at::randn({kRows, kHidden}).requires_grad_(), same = x.detach().clone();
  same.requires_grad_();
  const auto y = feed_forward(x, packed(w1, b1), packed(w2, b2));
  const auto expected = feed_forward(same, {w1, b1}, {w2, b2});
  expect_near(y, expected, 8e-3);
  const auto direction = at::randn_like(y);
  (y * direction).sum().backward();
  (expected * direction).sum().backward();
  expect_near(x.grad(), same.grad(), 1.5e-2);
}

TEST_F(Bfloat16Ops, LinearCrossEntropyAndItsGradients) {
  const int64_t vocabulary = 301;
  const auto table = weight(vocabulary, kHidden);
  const auto targets = at::randint(0, vocabulary, {kRows}, at::kLong);
  auto x = at::randn({kRows, kHidden}).requires_grad_(), same = x.detach().clone();
  auto bias = at::randn({vocabulary}).requires_grad_(), same_bias = bias.detach().clone();
  same.requires_grad_();
  same_bias.requires_grad_();
  const auto loss = linear_cross_entropy(x, table.to(at::kBFloat16), bias, targets);
  const auto expected = linear_cross_entropy(same, table, same_bias, targets);
  EXPECT_NEAR(loss.item<float>(), expected.item<float>(), 2e-3 * expected.item<float>());
  loss.backward();
  expected.backward();
  expect_near(x.grad(), same.grad(), 1e-2);
  expect_near(bias.grad(), same_bias.grad(), 1e-2);
}

/// Rows and weights that are tensors of bfloat16, as on a GPU, beside biases, LayerNorms and
/// adapters of float32; LibTorch's operations do the rest.
class RoundedRows : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(3); }
  static FrozenLinear layer(int64_t out, int64_t in) {
    return {(at::randn({out, in}) / 8).to(at::kBFloat16), at::randn({out})};
  }
  static FrozenLinear whole(const FrozenLinear& rounded) {
    return {rounded.weight.to(at::kFloat), rounded.bias};
  }
  /// The op in either type, and its gradients by `leaves`.
  template <class Op>
  static void expect_near_float32(const Op& op, const std::vector<at::Tensor>& leaves) {
    const auto ours = op(at::kBFloat16), theirs = op(at::kFloat);
    ASSERT_EQ(ours.scalar_type(), at::kBFloat16);
    const auto gradients = [&](const at::Tensor& y) {
      return torch::autograd::grad({y.to(at::kFloat).square().sum()}, leaves);
    };
    expect_near(ours.to(at::kFloat), theirs, 3e-2);
    const auto our_gradients = gradients(ours), their_gradients = gradients(theirs);
    for (size_t i = 0; i < leaves.size(); ++i) {
      ASSERT_EQ(our_gradients[i].scalar_type(), at::kFloat);
      expect_near(our_gradients[i], their_gradients[i], 6e-2);
    }
  }
  at::Tensor x_ = at::randn({21, 18}).requires_grad_();
};

TEST_F(RoundedRows, GoThroughFrozenLayers) {
  const auto first = layer(50, 18), second = layer(18, 50);
  expect_near_float32(
      [&](at::ScalarType type) {
        return frozen_linear(x_.to(type), type == at::kFloat ? whole(first) : first);
      },
      {x_});
  expect_near_float32(
      [&](at::ScalarType type) {
        return type == at::kFloat ? feed_forward(x_, whole(first), whole(second))
                                  : feed_forward(x_.to(type), first, second);
      },
      {x_});
}

TEST_F(RoundedRows, GoThroughASiteWhoseAdaptersLearnInFloat32) {
  const auto a = at::randn({21, 18}).requires_grad_();
  const FrozenLayerNorm norm{at::randn({18}), at::randn({18}), 1e-5};
  const auto adapter = [](int64_t bottleneck) {
    return SiteAdapter{(at::randn({bottleneck, 18}) / 4).requires_grad_(),
                       at::randn({bottleneck}).requires_grad_(),
                       (at::randn({18, bottleneck}) / 4).requires_grad_(),
                       at::randn({18}).requires_grad_()};
  };
  const auto low = adapter(9), other = adapter(5), high = adapter(3);
  const std::vector<SiteGroup> groups = {{8, {low, high}}, {2, {}}, {11, {other, high}}};
  std::vector<at::Tensor> leaves = {x_, a};
  for (const auto& one : {low, other, high})
    for (const auto& weight : {one.down, one.down_bias, one.up, one.up_bias})
      leaves.push_back(weight);
  expect_near_float32(
      [&](at::ScalarType type) {
        return adapter_site_by_group(x_.to(type), a.to(type), norm, /*dropout=*/0, groups);
      },
      leaves);
}

TEST(RoundedTable, IsTakenInXsTypeByLinearCrossEntropy) {
  torch::manual_seed(3);
  const auto table = at::randn({301, 12}).to(at::kBFloat16);
  const auto targets = at::randint(0, 301, {9}, at::kLong);
  for (const bool bias_learns : {false, true}) {
    const auto x = at::randn({9, 12}, at::kDouble).requires_grad_();  // no kernel takes double
    const auto bias = at::randn({301}, at::kDouble).requires_grad_(bias_learns);
    const auto ours = linear_cross_entropy(x, table, bias, targets);
    const auto theirs = linear_cross_entropy(x, table.to(at::kDouble), bias, targets);
    expect_close(ours, theirs, 1e-14);
    expect_close(torch::autograd::grad({ours}, {x}).front(),
                 torch::autograd::grad({theirs}, {x}).front(), 1e-14);
  }
}

TEST(Embed, TakesWordsInBfloat16AsTheyAre) {
  torch::manual_seed(3);
  const EmbeddingTables tables{at::randn({30, 12}).to(at::kBFloat16), at::randn({9, 12}),
                               at::randn({2, 12})};
  auto whole = tables;
  whole.words = tables.words.to(at::kFloat);
  const FrozenLayerNorm norm{at::randn({12}), at::randn({12}), 1e-5};
  const auto ids = at::randint(0, 30, {21}, at::kLong), places = at::randint(0, 9, {21}, at::kLong);
  const auto ours = embed(ids, places, tables, norm, /*dropout=*/0);
  EXPECT_TRUE(at::equal(ours, embed(ids, places, whole, norm, /*dropout=*/0)));
  const auto plain = norm(at::embedding(whole.words, ids) + at::embedding(whole.positions, places) +
                          whole.types[0]);
  expect_close(ours, plain, 1e-5);
}

TEST(Embed, RefusesAnIdThatIsNotInTheTable) {
  const EmbeddingTables tables{at::randn({30, 12}), at::randn({9, 12}), at::randn({2, 12})};
  const FrozenLayerNorm norm{at::ones({12}), at::zeros({12}), 1e-5};
  const auto places = at::zeros({2}, at::kLong);
  const auto error = torch_error_of([&] {
    embed(at::tensor({int64_t{4}, int64_t{30}}), places, tables, norm, 0);
  });
  EXPECT_NE(error.find("30"), std::string::npos) << error;
}

TEST(Embed, GivesGradientsWhereTheEncoderLearns) {
  torch::manual_seed(3);
  const EmbeddingTables tables{at::randn({30, 12}).requires_grad_(), at::randn({9, 12}),
                               at::randn({2, 12})};
  const FrozenLayerNorm norm{at::randn({12}), at::randn({12}), 1e-5};
  const auto ids = at::arange(5, at::kLong);
  embed(ids, ids, tables, norm, 0).pow(2).sum().backward();
  EXPECT_TRUE(tables.words.grad().defined());
  EXPECT_EQ(tables.words.grad().abs().sum(1).nonzero().numel(), 5);
}

}  // namespace bfloat16_layers_test
}  // namespace madx::ops

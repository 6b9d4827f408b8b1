#include "madx/ops/linear_cross_entropy.h"

#include <gmock/gmock.h>
#include <torch/nn/functional/loss.h>

#include "../support.h"

namespace madx::ops {
namespace {

using testing::HasSubstr;

struct Problem {
  at::Tensor x, weight, bias, targets;

  at::Tensor loss() const { return linear_cross_entropy(x, weight, bias, targets); }
  at::Tensor reference() const {
    return torch::nn::functional::cross_entropy(at::linear(x, weight, bias), targets);
  }
  Problem to(at::ScalarType dtype) const {
    const auto leaf = [&](const at::Tensor& t) { return t.detach().to(dtype).requires_grad_(); };
    return {leaf(x), weight.to(dtype), leaf(bias), targets};
  }
};

/// In double, with the last row's target the first one's: bias gradients add up.
Problem random_problem(int64_t rows, int64_t vocabulary, int64_t hidden = 9) {
  torch::manual_seed(1);
  Problem problem{at::randn({rows, hidden}, at::kDouble), at::randn({vocabulary, hidden}, at::kDouble),
                  at::randn({vocabulary}, at::kDouble), at::randint(vocabulary, {rows}, at::kLong)};
  problem.targets[rows - 1] = problem.targets[0];
  return problem.to(at::kDouble);
}

void expect_gradients_equal(const Problem& ours, const Problem& theirs, double tolerance) {
  ours.loss().backward();
  theirs.reference().backward();
  expect_close(ours.x.grad(), theirs.x.grad(), tolerance);
  expect_close(ours.bias.grad(), theirs.bias.grad(), tolerance);
}

struct Sizes {
  int64_t rows, vocabulary;
};

class LinearCrossEntropyTest : public testing::TestWithParam<Sizes> {};

TEST_P(LinearCrossEntropyTest, EqualsCrossEntropyOfLogitsInDouble) {
  const auto ours = random_problem(GetParam().rows, GetParam().vocabulary);
  const auto theirs = ours.to(at::kDouble);
  expect_close(ours.loss(), theirs.reference(), 1e-12);
  expect_gradients_equal(ours, theirs, 1e-12);
}

TEST_P(LinearCrossEntropyTest, ErrsInFloatAtMostTwiceAsMuchAsLibTorch) {
  const auto exact = random_problem(GetParam().rows, GetParam().vocabulary);
  const auto ours = exact.to(at::kFloat), theirs = exact.to(at::kFloat);
  const auto exact_loss = exact.reference(), our_loss = ours.loss(), their_loss = theirs.reference();
  for (const auto& loss : {exact_loss, our_loss, their_loss}) loss.backward();
  const auto expect = [](const char* what, const at::Tensor& x, const at::Tensor& plain,
                         const at::Tensor& truth) {
    const auto error = [&](const at::Tensor& of) {
      return (of.to(at::kDouble) - truth).abs().max().item<double>();
    };
    EXPECT_EQ(x.scalar_type(), at::kFloat);
    EXPECT_LE(error(x), 2 * error(plain) + 1e-6) << what << "; LibTorch's error " << error(plain);
  };
  expect("loss", our_loss, their_loss, exact_loss);
  expect("gradient of x", ours.x.grad(), theirs.x.grad(), exact.x.grad());
  expect("gradient of bias", ours.bias.grad(), theirs.bias.grad(), exact.bias.grad());
}

INSTANTIATE_TEST_SUITE_P(BelowAtAndAboveAChunk, LinearCrossEntropyTest,
                         testing::Values(Sizes{5, 7}, Sizes{3, detail::kVocabularyChunk},
                                         Sizes{4, detail::kVocabularyChunk + 1}, Sizes{1, 9001}),
                         [](const auto& info) {
                           return std::to_string(info.param.rows) + "_rows_" +
                                  std::to_string(info.param.vocabulary) + "_tokens";
                         });

TEST(LinearCrossEntropy, AgreesWithFiniteDifferences) {
  const auto problem = random_problem(3, 11, /*hidden=*/4);
  expect_gradients_of_differences([&] { return problem.loss(); }, {problem.x, problem.bias});
}

TEST(LinearCrossEntropy, StaysFiniteWithExtremeLogits) {
  const auto vocabulary = detail::kVocabularyChunk + 3;
  auto problem = random_problem(4, vocabulary, /*hidden=*/1);
  const at::NoGradGuard no_grad;
  problem.x.copy_(at::tensor({1e4, -1e4, 1e4, -1e4}, at::kDouble).unsqueeze(1));
  problem.weight.fill_(0);
  problem.weight[0] = 1;               // row 0 has its maximum in the first chunk, at its target;
  problem.weight[vocabulary - 1] = -1;  // row 1 in the last one, and rows 2 and 3 miss theirs
  problem.targets.copy_(at::tensor({int64_t{0}, vocabulary - 1, vocabulary - 1, int64_t{0}}));
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const at::AutoGradMode grad(true);
    const auto ours = problem.to(dtype);
    EXPECT_NEAR(ours.loss().item<double>(), problem.reference().item<double>(), 0.01);
    expect_gradients_equal(ours, problem.to(at::kDouble), 1e-4);
    EXPECT_TRUE(ours.x.grad().isfinite().all().item<bool>());
  }
}

TEST(LinearCrossEntropy, ScalesItsGradientByTheOutputs) {
  const auto once = random_problem(3, 20), thrice = once.to(at::kDouble);
  once.loss().backward();
  (3 * thrice.loss()).backward();
  expect_close(thrice.x.grad(), 3 * once.x.grad(), 1e-14);
  expect_close(thrice.bias.grad(), 3 * once.bias.grad(), 1e-14);
}

TEST(LinearCrossEntropy, ReadsInputsThatAreNotContiguous) {
  auto problem = random_problem(3, 20);
  const auto expected = problem.loss();
  problem.x = problem.x.t().contiguous().t();
  problem.weight = problem.weight.t().contiguous().t();
  EXPECT_FALSE(problem.weight.is_contiguous());
  expect_close(problem.loss(), expected, 1e-12);
}

TEST(LinearCrossEntropy, GivesGradientsWhereTheyAreRequired) {
  auto bias_alone = random_problem(3, 20);
  bias_alone.x.requires_grad_(false);
  bias_alone.loss().backward();
  EXPECT_TRUE(bias_alone.bias.grad().defined());
  EXPECT_FALSE(bias_alone.x.grad().defined());

  auto input_alone = random_problem(3, 20);
  input_alone.bias.requires_grad_(false);
  input_alone.loss().backward();
  EXPECT_TRUE(input_alone.x.grad().defined());
  EXPECT_FALSE(input_alone.bias.grad().defined());
}

TEST(LinearCrossEntropy, HasNoGradientWhenGradModeIsOff) {
  const auto problem = random_problem(3, 20);
  const at::NoGradGuard no_grad;
  const auto loss = problem.loss();
  EXPECT_FALSE(loss.requires_grad());
  expect_close(loss, problem.reference(), 1e-12);
}

TEST(LinearCrossEntropy, RefusesAWeightThatRequiresAGradient) {
  auto problem = random_problem(3, 20);
  problem.weight.requires_grad_();
  EXPECT_THAT(torch_error_of([&] { problem.loss(); }),
              HasSubstr("the weight is the frozen output embedding and gets no gradient"));
}

TEST(LinearCrossEntropy, NamesTheShapeThatDisagrees) {
  const auto good = random_problem(3, 20);
  const auto error_of = [&](auto change) {
    auto bad = good;
    change(bad);
    return torch_error_of([&] { bad.loss(); });
  };
  EXPECT_THAT(error_of([](Problem& p) { p.x = p.x[0]; }),
              HasSubstr("expected x of shape (rows, hidden) with at least one row, but got [9]"));
  EXPECT_THAT(error_of([](Problem& p) { p.x = p.x.narrow(0, 0, 0); }), HasSubstr("got [0, 9]"));
  EXPECT_THAT(error_of([](Problem& p) { p.weight = p.weight.narrow(1, 0, 8); }),
              HasSubstr("expected a weight of shape (vocabulary, 9), but got [20, 8]"));
  EXPECT_THAT(error_of([](Problem& p) { p.targets = p.targets.narrow(0, 0, 2); }),
              HasSubstr("expected 3 targets, one a row, but got [2]"));
  for (const int64_t size : {19, 21}) {
    EXPECT_THAT(error_of([&](Problem& p) { p.bias = at::zeros({size}, at::kDouble); }),
                HasSubstr("expected a bias of shape (20), but got [" + std::to_string(size) + "]"));
  }
  EXPECT_NE(error_of([](Problem& p) { p.targets = at::full({3}, 20, at::kLong); }), "");
}

}  // namespace
}  // namespace madx::ops

#include "madx/ops/linear_cross_entropy.h"

#include <gmock/gmock.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "../support.h"
#include "ops/linear_cross_entropy_pass.h"

namespace madx::ops {
namespace linear_cross_entropy_test {

using testing::HasSubstr;

struct Problem {
  at::Tensor x, weight, bias, targets;

  at::Tensor loss() const { return linear_cross_entropy(x, weight, bias, targets); }
  at::Tensor reference() const {
    return torch::nn::functional::cross_entropy(at::linear(x, weight, bias), targets);
  }
  Problem to(at::ScalarType dtype) const {
    const auto leaf = [&](const at::Tensor& t) { return t.detach().to(dtype).requires_grad_(); };
    const auto table = weight.detach().to(dtype, /*non_blocking=*/false, /*copy=*/true);
    return {leaf(x), table.requires_grad_(weight.requires_grad()), leaf(bias), targets};
  }
};

/// In double, with the last row's target the first one's: bias gradients add up.
Problem random_problem(int64_t rows, int64_t vocabulary, int64_t hidden = 9) {
  torch::manual_seed(1);
  Problem problem{at::randn({rows, hidden}, at::kDouble),
                  at::randn({vocabulary, hidden}, at::kDouble),
                  at::randn({vocabulary}, at::kDouble), at::randint(vocabulary, {rows}, at::kLong)};
  problem.targets[rows - 1] = problem.targets[0];
  return problem.to(at::kDouble);
}

/// What learns beside x takes different ways through the logits.
enum class Learns { kInputAlone, kBias, kBiasAndWeight };

void expect_gradients_equal(const Problem& ours, const Problem& theirs, double tolerance) {
  ours.loss().backward();
  theirs.reference().backward();
  expect_close(ours.x.grad(), theirs.x.grad(), tolerance);
  ASSERT_EQ(ours.bias.grad().defined(), ours.bias.requires_grad());
  if (ours.bias.requires_grad()) expect_close(ours.bias.grad(), theirs.bias.grad(), tolerance);
  ASSERT_EQ(ours.weight.grad().defined(), ours.weight.requires_grad());
  if (ours.weight.requires_grad())
    expect_close(ours.weight.grad(), theirs.weight.grad(), tolerance);
}

using Sizes = std::tuple<int64_t, int64_t, Learns>;

class LinearCrossEntropyTest : public testing::TestWithParam<Sizes> {
 protected:
  void SetUp() override {
    exact_.weight.requires_grad_(std::get<2>(GetParam()) == Learns::kBiasAndWeight);
  }
  Problem ours(at::ScalarType dtype) const {
    auto problem = exact_.to(dtype);
    problem.bias.requires_grad_(std::get<2>(GetParam()) != Learns::kInputAlone);
    return problem;
  }

  Problem exact_ = random_problem(std::get<0>(GetParam()), std::get<1>(GetParam()));
};

TEST_P(LinearCrossEntropyTest, EqualsCrossEntropyOfLogitsInDouble) {
  expect_close(ours(at::kDouble).loss(), exact_.reference(), 1e-12);
  expect_gradients_equal(ours(at::kDouble), exact_, 1e-12);
}

TEST_P(LinearCrossEntropyTest, ErrsInFloatAtMostTwiceAsMuchAsLibTorch) {
  const auto fused = ours(at::kFloat), plain = exact_.to(at::kFloat);
  const auto fused_loss = fused.loss(), plain_loss = plain.reference(),
             exact_loss = exact_.reference();
  for (const auto& loss : {fused_loss, plain_loss, exact_loss}) loss.backward();
  const auto expect = [](const char* what, const at::Tensor& x, const at::Tensor& of_plain,
                         const at::Tensor& truth, double absolute = 1e-6) {
    const auto error = [&](const at::Tensor& of) {
      return (of.to(at::kDouble) - truth).abs().max().item<double>();
    };
    EXPECT_EQ(x.scalar_type(), at::kFloat);
    EXPECT_LE(error(x), 2 * error(of_plain) + absolute)
        << what << "; LibTorch's error " << error(of_plain);
  };
  expect("loss", fused_loss, plain_loss, exact_loss);
  expect("gradient of x", fused.x.grad(), plain.x.grad(), exact_.x.grad());
  if (fused.bias.requires_grad()) {
    expect("gradient of bias", fused.bias.grad(), plain.bias.grad(), exact_.bias.grad());
  }
  if (fused.weight.requires_grad()) {
    // LibTorch may be lucky with the largest logit, which float32 knows to its spacing alone.
    const auto logits = at::linear(exact_.x, exact_.weight, exact_.bias).detach();
    const double spacing =
        std::numeric_limits<float>::epsilon() * logits.abs().max().item<double>();
    expect("gradient of weight", fused.weight.grad(), plain.weight.grad(), exact_.weight.grad(),
           std::max(1e-6, spacing));
  }
}

TEST_P(LinearCrossEntropyTest, HasTheSameLossWithoutAGradient) {
  const at::NoGradGuard no_grad;
  const auto loss = ours(at::kDouble).loss();
  EXPECT_FALSE(loss.requires_grad());
  expect_close(loss, exact_.reference(), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    BelowAtAndAboveAChunk, LinearCrossEntropyTest,
    testing::Combine(testing::Values(1, 3, detail::kRowChunk, 2 * detail::kRowChunk + 1),
                     testing::Values(7, detail::kVocabularyChunk, 2 * detail::kVocabularyChunk + 1),
                     testing::Values(Learns::kInputAlone, Learns::kBias, Learns::kBiasAndWeight)),
    [](const auto& info) {
      const auto learns = std::get<2>(info.param);
      const std::string what = learns == Learns::kInputAlone ? ""
                               : learns == Learns::kBias     ? "_bias_learns"
                                                             : "_weight_learns";
      return std::to_string(std::get<0>(info.param)) + "_rows_" +
             std::to_string(std::get<1>(info.param)) + "_tokens" + what;
    });

TEST(LinearCrossEntropy, AgreesWithFiniteDifferences) {
  const auto problem = random_problem(3, 11, /*hidden=*/4);
  expect_gradients_of_differences([&] { return problem.loss(); }, {problem.x, problem.bias});
  const auto frozen = problem.to(at::kDouble);
  frozen.bias.requires_grad_(false);
  expect_gradients_of_differences([&] { return frozen.loss(); }, {frozen.x});
  auto all = problem.to(at::kDouble);
  all.weight.requires_grad_();
  expect_gradients_of_differences([&] { return all.loss(); }, {all.x, all.weight, all.bias});
  all.bias.requires_grad_(false);
  expect_gradients_of_differences([&] { return all.loss(); }, {all.x, all.weight});
}

TEST(LinearCrossEntropy, StaysFiniteWithExtremeLogits) {
  const auto vocabulary = detail::kVocabularyChunk + 3;
  auto problem = random_problem(4, vocabulary, /*hidden=*/1);
  {
    const at::NoGradGuard no_grad;
    problem.x.copy_(at::tensor({1e4, -1e4, 1e4, -1e4}, at::kDouble).unsqueeze(1));
    problem.weight.fill_(0);
    problem.weight[0] = 1;  // row 0 has its maximum in the first chunk, at its target;
    problem.weight[vocabulary - 1] = -1;  // row 1 in the last one, and rows 2 and 3 miss theirs
    problem.targets.copy_(at::tensor({int64_t{0}, vocabulary - 1, vocabulary - 1, int64_t{0}}));
  }
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const auto learns : {Learns::kInputAlone, Learns::kBias, Learns::kBiasAndWeight}) {
      problem.weight.requires_grad_(learns == Learns::kBiasAndWeight);
      const auto ours = problem.to(dtype);
      ours.bias.requires_grad_(learns != Learns::kInputAlone);
      EXPECT_NEAR(ours.loss().item<double>(), problem.reference().item<double>(), 0.01);
      expect_gradients_equal(ours, problem.to(at::kDouble), 1e-4);
    }
  }
}

TEST(LinearCrossEntropy, ScalesItsGradientByTheOutputs) {
  auto once = random_problem(3, 20);
  once.weight.requires_grad_();
  const auto thrice = once.to(at::kDouble);
  once.loss().backward();
  (3 * thrice.loss()).backward();
  expect_close(thrice.x.grad(), 3 * once.x.grad(), 1e-14);
  expect_close(thrice.bias.grad(), 3 * once.bias.grad(), 1e-14);
  expect_close(thrice.weight.grad(), 3 * once.weight.grad(), 1e-14);
}

TEST(LinearCrossEntropy, ReadsInputsThatAreNotContiguous) {
  auto problem = random_problem(3, 20);
  const auto expected = problem.loss();
  problem.x = problem.x.t().contiguous().t();
  problem.weight = problem.weight.t().contiguous().t();
  EXPECT_FALSE(problem.weight.is_contiguous());
  expect_close(problem.loss(), expected, 1e-12);
  problem.bias.requires_grad_(false);
  expect_close(problem.loss(), expected, 1e-12);
}

TEST(LinearCrossEntropy, GivesAGradientToTheBiasAlone) {
  const auto problem = random_problem(3, 20), both = problem.to(at::kDouble);
  problem.x.requires_grad_(false);
  problem.loss().backward();
  both.loss().backward();
  EXPECT_FALSE(problem.x.grad().defined());
  expect_close(problem.bias.grad(), both.bias.grad(), 0);
}

TEST(LinearCrossEntropy, GivesAWeightThatIsNotContiguousItsGradient) {
  auto problem = random_problem(3, 20);
  problem.weight.requires_grad_();
  const auto plain = problem.to(at::kDouble);
  auto strided = problem.weight.detach().t().contiguous().t().requires_grad_();
  linear_cross_entropy(problem.x, strided, problem.bias, problem.targets).backward();
  plain.reference().backward();
  expect_close(strided.grad(), plain.weight.grad(), 1e-12);
}

TEST(LinearCrossEntropy, GivesGradientsByGatheredRowsToTheirTable) {
  const auto problem = random_problem(3, 6);
  auto table = at::randn({20, 9}, at::kDouble).requires_grad_();
  const auto ids = at::tensor({1, 4, 5, 9, 12, 19}, at::kLong);
  expect_gradients_of_differences(
      [&] {
        return linear_cross_entropy(problem.x, table.index_select(0, ids), problem.bias,
                                    problem.targets);
      },
      {table});
  EXPECT_EQ(table.grad()[0].abs().max().item<double>(), 0) << "a row that was not gathered";
}

TEST(LinearCrossEntropy, RefusesAWeightOfAnotherTypeThatLearns) {
  auto problem = random_problem(3, 20);
  problem.weight = problem.weight.to(at::kFloat).requires_grad_();
  EXPECT_THAT(torch_error_of([&] { problem.loss(); }),
              HasSubstr("expected a weight that learns to be of x's type, Double, but got Float"));
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
  for (const int64_t size : {1, 19, 21}) {
    EXPECT_THAT(error_of([&](Problem& p) { p.bias = at::zeros({size}, at::kDouble); }),
                HasSubstr("expected a bias of shape (20), but got [" + std::to_string(size) + "]"));
  }
  EXPECT_NE(error_of([](Problem& p) { p.targets = at::full({3}, 20, at::kLong); }), "");
  for (const int64_t target : {-1, 20}) {  // the CPU kernel has float32
    EXPECT_NE(error_of([&](Problem& p) {
                p.x = p.x.detach().to(at::kFloat);
                p.weight = p.weight.to(at::kFloat);
                p.bias = p.bias.detach().to(at::kFloat);
                p.targets = at::full({3}, target, at::kLong);
              }),
              "");
  }
}

}  // namespace linear_cross_entropy_test
}  // namespace madx::ops

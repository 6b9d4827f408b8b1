// A linear layer that learns by products of bfloat16: what it computes, against the same in double.
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "madx/ops/frozen_linear.h"

namespace madx::ops {
namespace rounded_linear_test {

using testing::HasSubstr;

at::Tensor rounded(const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kDouble); }

/// One rounding of a sum to bfloat16 (8 bits) on top of float32's.
void expect_close(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_EQ(found.scalar_type(), at::kFloat);
  const auto error = (found.to(at::kDouble) - expected).abs();
  const auto allowed = expected.abs() / 256 + 1e-5;
  EXPECT_TRUE(error.le(allowed).all().item<bool>()) << (error / allowed).max().item<double>();
}

class RoundedLinear : public testing::Test {
 protected:
  RoundedLinear() { torch::manual_seed(1); }

  at::Tensor x_ = at::randn({7, 33}).requires_grad_();
  at::Tensor weight_ = at::randn({19, 33}).requires_grad_();
  at::Tensor bias_ = at::randn({19}).requires_grad_();
  FrozenLinear layer_{weight_, bias_, nullptr, 0, /*rounds=*/true};
  at::Tensor direction_ = at::randn({7, 19});
};

TEST_F(RoundedLinear, MultipliesRoundedNumbersAndSumsInFloat32) {
  const auto y = frozen_linear(x_, layer_);
  const auto product = at::matmul(rounded(x_.detach()), rounded(weight_.detach()).t());
  expect_close(y - bias_, product);
  EXPECT_FALSE(at::equal(y, at::linear(x_, weight_, bias_))) << "expected rounding, found none";
}

TEST_F(RoundedLinear, GivesGradientsOfRoundedNumbersInFloat32) {
  frozen_linear(x_, layer_).backward(direction_);
  const auto g = rounded(direction_);
  expect_close(x_.grad(), at::matmul(g, rounded(weight_.detach())));
  expect_close(weight_.grad(), at::matmul(g.t(), rounded(x_.detach())));
  EXPECT_TRUE(at::allclose(bias_.grad(), direction_.sum(0)));
}

TEST_F(RoundedLinear, GivesNoGradientWhereNoneIsAskedFor) {
  weight_.requires_grad_(false);
  bias_.requires_grad_(false);
  frozen_linear(x_, layer_).backward(direction_);
  EXPECT_FALSE(weight_.grad().defined());
  expect_close(x_.grad(), at::matmul(rounded(direction_), rounded(weight_.detach())));
}

/// Bytes of tensors that were made and are not gone.
struct Bytes : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override {
    kept += size;
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t kept = 0;
};

TEST_F(RoundedLinear, KeepsRowsOnlyForAWeightThatLearns) {
  bias_.requires_grad_(false);
  for (const bool learns : {false, true}) {
    weight_.requires_grad_(learns);
    const auto bytes = std::make_shared<Bytes>();
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, bytes);
    const auto y = frozen_linear(x_, layer_);
    const auto rows = bytes->kept - static_cast<int64_t>(y.storage().nbytes());
    EXPECT_EQ(rows, learns ? 64 * 33 * 2 : 0) << "bytes of bfloat16";
  }
}

TEST_F(RoundedLinear, TakesABatchOfWhichNothingIsRead) {
  const auto none = at::empty({0, 33}).requires_grad_();
  frozen_linear(none, layer_).sum().backward();
  EXPECT_EQ(none.grad().sizes(), none.sizes());
  EXPECT_TRUE(weight_.grad().eq(0).all().item<bool>());
}

TEST_F(RoundedLinear, IsEachHalfOfAFeedForwardBlockAndEachPartOfALayer) {
  const auto second_weight = at::randn({33, 19}), second_bias = at::randn({33});
  const FrozenLinear second{second_weight, second_bias, nullptr, 0, /*rounds=*/true};
  EXPECT_TRUE(at::equal(feed_forward(x_, layer_, second),
                        frozen_linear(at::gelu(frozen_linear(x_, layer_)), second)));
  EXPECT_TRUE(layer_.narrow(3, 8).rounds);
}

TEST_F(RoundedLinear, RefusesOtherShapesTypesAndDoubleBackward) {
  const auto message = [](const auto& act) -> std::string {
    try {
      act();
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "nothing was thrown";
  };
  EXPECT_THAT(message([&] {
                frozen_linear(at::randn({7, 32}), layer_);
              }),
              HasSubstr("expected a weight of shape (out, 32)"));
  EXPECT_THAT(message([&] { frozen_linear(at::randn({33}), layer_); }),
              HasSubstr("expected rows, but got [33]"));
  FrozenLinear halves{weight_.detach().to(at::kBFloat16), bias_, nullptr, 0, /*rounds=*/true};
  EXPECT_THAT(message([&] { frozen_linear(x_.to(at::kBFloat16), halves); }),
              HasSubstr("expected a weight of float32 that is rounded as it meets rows"));
  const auto y = frozen_linear(x_, layer_).pow(2).sum();
  EXPECT_THAT(message([&] {
                torch::autograd::grad({y}, {x_}, {}, /*retain_graph=*/true, /*create_graph=*/true);
              }),
              HasSubstr("expected backward() without create_graph"));
}

}  // namespace rounded_linear_test
}  // namespace madx::ops

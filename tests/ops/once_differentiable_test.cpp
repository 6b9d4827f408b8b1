// Gradients of ops by kernels have none of their own: who asks for one is told, not given zeros.
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <utility>

#include "../support.h"
#include "madx/cpu/bfloat16.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/linear_cross_entropy.h"
#include "madx/ops/packed_attention.h"
#include "ops/cpu_kernel.h"

namespace madx::ops {
namespace once_differentiable_test {

using Op = std::function<at::Tensor(const at::Tensor&)>;

std::string error_of_create_graph(const Op& op, const at::Tensor& x) {
  const auto leaf = x.clone().requires_grad_();
  return torch_error_of([&] {
    torch::autograd::grad({op(leaf).sum()}, {leaf}, {}, /*retain_graph=*/true,
                          /*create_graph=*/true);
  });
}

std::vector<std::pair<std::string, Op>> ops() {
  torch::manual_seed(8);
  const FrozenLinear first{at::randn({64, 32}), at::randn({64})},
      second{at::randn({32, 64}), at::randn({32})};
  const FrozenLayerNorm norm{at::ones({32}), at::zeros({32}), 1e-5};
  const SiteAdapter adapter{at::randn({4, 32}), at::randn({4}), at::randn({32, 4}),
                            at::randn({32})};
  const auto weight = at::randn({50, 32}), bias = at::randn({50});
  std::vector<std::pair<std::string, Op>> ops = {
      {"frozen_linear", [=](const at::Tensor& x) { return frozen_linear(x, first); }},
      {"feed_forward", [=](const at::Tensor& x) { return feed_forward(x, first, second); }},
      {"adapter_site", [=](const at::Tensor& x) { return adapter_site(x, x, norm, 0, {adapter}); }},
      {"packed_attention",
       [](const at::Tensor& x) {
         return packed_attention(at::cat({x, x, x}, 1), {0, 2, 6}, /*heads=*/4, /*dropout=*/0);
       }},
      {"linear_cross_entropy", [=](const at::Tensor& x) {
         return linear_cross_entropy(x, weight, bias, at::arange(6, at::kLong));
       }}};
  if (cpu::has_bfloat16_products()) {
    const auto packed = [](const FrozenLinear& layer) {
      return FrozenLinear{{}, layer.bias, std::make_shared<Bfloat16Weight>(layer.weight)};
    };
    ops.push_back(
        {"frozen_linear", [=](const at::Tensor& x) { return frozen_linear(x, packed(first)); }});
    ops.push_back({"feed_forward", [=](const at::Tensor& x) {
                     return feed_forward(x, packed(first), packed(second));
                   }});
  }
  return ops;
}

TEST(OnceDifferentiable, OpsRefuseCreateGraphByTheirNames) {
  if (!takes_cpu_kernel({at::ones({1})})) GTEST_SKIP() << "the CPU kernels do not run here";
  for (const auto& [name, op] : ops()) {
    EXPECT_THAT(error_of_create_graph(op, at::randn({6, 32})),
                testing::HasSubstr(name + ": expected backward() without create_graph"));
  }
}

TEST(OnceDifferentiable, OpsGiveTheirGradientWithoutIt) {
  for (const auto& [name, op] : ops()) {
    const auto leaf = at::randn({6, 32}).requires_grad_();
    op(leaf).sum().backward();
    EXPECT_GT(leaf.grad().abs().max().item<double>(), 0) << name;
  }
}

TEST(OnceDifferentiable, PlainFormsCanBeDifferentiatedTwice) {
  const auto weight = at::randn({5, 4}, at::kDouble), bias = at::randn({5}, at::kDouble);
  EXPECT_EQ(error_of_create_graph(
                [&](const at::Tensor& x) {
                  return frozen_linear(x, FrozenLinear{weight, bias}).pow(2);
                },
                at::randn({6, 4}, at::kDouble)),
            "");
}

}  // namespace once_differentiable_test
}  // namespace madx::ops

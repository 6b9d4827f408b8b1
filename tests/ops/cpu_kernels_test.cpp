// Ops that have a CPU kernel: in float32, results and gradients have at most twice the error of the
// plain LibTorch form, both against that form in double.
#include <gmock/gmock.h>
#include <torch/utils.h>

#include <functional>

#include "../support.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "madx/ops/frozen_linear.h"

namespace madx::ops {
namespace cpu_kernels_test {

constexpr int64_t kRows = 37, kHidden = 40, kInner = 100;

using Tensors = std::vector<at::Tensor>;
using Op = std::function<at::Tensor(const Tensors&)>;

at::Tensor random(at::IntArrayRef shape) {
  return at::randn(shape, at::kDouble) / std::sqrt(static_cast<double>(shape.back()));
}

/// The op's result and its gradients by the first `learning` inputs.
Tensors run(const Op& op, const Tensors& inputs, size_t learning, at::ScalarType type) {
  torch::manual_seed(5);
  Tensors leaves;
  for (size_t i = 0; i < inputs.size(); ++i)
    leaves.push_back(inputs[i].clone().to(type).requires_grad_(i < learning));
  const auto y = op(leaves);
  torch::manual_seed(6);
  (y * at::randn(y.sizes(), at::kDouble).to(type)).sum().backward();
  Tensors results = {y.detach()};
  for (size_t i = 0; i < learning; ++i) results.push_back(leaves[i].grad());
  return results;
}

void expect_twice_the_error_at_most(const Op& ours, const Op& plain, const Tensors& inputs,
                                    size_t learning) {
  const auto exact = run(plain, inputs, learning, at::kDouble);
  const auto reference = run(plain, inputs, learning, at::kFloat);
  const auto fused = run(ours, inputs, learning, at::kFloat);
  for (size_t i = 0; i < exact.size(); ++i) {
    const auto error = [&](const at::Tensor& y) {
      return (y.to(at::kDouble) - exact[i]).abs().max().item<double>();
    };
    const auto size = exact[i].abs().max().item<double>();
    EXPECT_GT(fused[i].abs().max().item<double>(), 0) << "result " << i;
    EXPECT_LE(error(fused[i]), 2 * error(reference[i]) + 1e-6 * size) << "result " << i;
  }
}

class CpuKernels : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(4); }
};

TEST_F(CpuKernels, AdapterSite) {
  const auto op = [](bool plain) {
    return [plain](const Tensors& in) {
      const FrozenLayerNorm norm{in[10], in[11], 1e-5};
      const std::vector<SiteAdapter> adapters = {{in[2], in[3], in[4], in[5]},
                                                 {in[6], in[7], in[8], in[9]}};
      return plain ? adapter_site_composite(in[0], in[1], norm, /*dropout=*/0, {{kRows, adapters}})
                   : adapter_site(in[0], in[1], norm, /*dropout=*/0, adapters);
    };
  };
  Tensors inputs = {random({kRows, kHidden}), random({kRows, kHidden})};
  for (const int64_t bottleneck : {20, 7}) {
    for (const auto& weight : {random({bottleneck, kHidden}), random({bottleneck}),
                               random({kHidden, bottleneck}), random({kHidden})})
      inputs.push_back(weight);
  }
  inputs.push_back(random({kHidden}) + 1);
  inputs.push_back(random({kHidden}));
  expect_twice_the_error_at_most(op(false), op(true), inputs, /*learning=*/10);
  // Only the upper adapter learns, as a task adapter on a frozen language adapter.
  const auto frozen_below = [&](bool plain) {
    return [&, plain](const Tensors& in) {
      Tensors order(inputs.size());
      for (size_t i = 0; i < 4; ++i) order[6 + i] = in[i];
      for (size_t i = 0; i < 6; ++i) order[i] = in[4 + i];
      order[10] = in[10];
      order[11] = in[11];
      return op(plain)(order);
    };
  };
  Tensors reordered(inputs.begin() + 6, inputs.begin() + 10);
  reordered.insert(reordered.end(), inputs.begin(), inputs.begin() + 6);
  reordered.insert(reordered.end(), inputs.begin() + 10, inputs.end());
  expect_twice_the_error_at_most(frozen_below(false), frozen_below(true), reordered,
                                 /*learning=*/4);
}

TEST_F(CpuKernels, AdapterSiteOfSeveralGroups) {
  // Two languages below one task adapter, one of them twice; rows without adapters; no rows at all.
  const auto op = [](bool plain) {
    return [plain](const Tensors& in) {
      const FrozenLayerNorm norm{in[14], in[15], 1e-5};
      const SiteAdapter en{in[2], in[3], in[4], in[5]}, sw{in[6], in[7], in[8], in[9]},
          task{in[10], in[11], in[12], in[13]};
      const std::vector<SiteGroup> groups{{9, {en, task}}, {1, {sw, task}},      {0, {sw}},
                                          {3, {}},         {20, {sw, en, task}}, {4, {en}}};
      return plain ? adapter_site_composite(in[0], in[1], norm, /*dropout=*/0, groups)
                   : adapter_site_by_group(in[0], in[1], norm, /*dropout=*/0, groups);
    };
  };
  Tensors inputs = {random({kRows, kHidden}), random({kRows, kHidden})};
  for (const int64_t bottleneck : {20, 7, 11}) {
    for (const auto& weight : {random({bottleneck, kHidden}), random({bottleneck}),
                               random({kHidden, bottleneck}), random({kHidden})})
      inputs.push_back(weight);
  }
  inputs.push_back(random({kHidden}) + 1);
  inputs.push_back(random({kHidden}));
  expect_twice_the_error_at_most(op(false), op(true), inputs, /*learning=*/14);
}

TEST_F(CpuKernels, AdapterSiteGivesAGroupWhatItGivesItAlone) {
  const FrozenLayerNorm norm{at::rand({kHidden}) + 0.5, at::randn({kHidden}), 1e-5};
  const auto f = at::randn({200, kHidden}), a = at::randn({200, kHidden});
  std::vector<SiteGroup> groups;
  for (const int64_t rows : {70, 5, 125}) {
    groups.push_back({rows,
                      {{at::randn({16, kHidden}), at::randn({16}), at::randn({kHidden, 16}),
                        at::randn({kHidden})}}});
  }
  const auto together = adapter_site_by_group(f, a, norm, 0, groups);
  int64_t first = 0;
  for (const auto& group : groups) {
    expect_close(adapter_site(f.narrow(0, first, group.rows), a.narrow(0, first, group.rows), norm,
                              0, group.adapters),
                 together.narrow(0, first, group.rows), 1e-6);
    first += group.rows;
  }
}

TEST_F(CpuKernels, AdapterSiteRefusesGroupsOfOtherRows) {
  const FrozenLayerNorm norm{at::ones({kHidden}), at::zeros({kHidden}), 1e-5};
  const auto x = at::randn({5, kHidden});
  EXPECT_THAT(torch_error_of([&] {
                adapter_site_by_group(x, x, norm, 0, {{3, {}}, {1, {}}});
              }),
              testing::HasSubstr("expected groups of 5 rows together, but got 4"));
  EXPECT_THAT(torch_error_of([&] {
                adapter_site_by_group(x, x, norm, 0, {{6, {}}, {-1, {}}});
              }),
              testing::HasSubstr("expected groups of 0 rows or more, but got -1"));
}

TEST_F(CpuKernels, AdapterSiteWithDropoutKeepsTheExpectation) {
  const auto f = at::full({4000, kHidden}, 2.0), a = at::zeros_like(f);
  // The LayerNorm of a row of ones and zeros tells which were dropped.
  const FrozenLayerNorm norm{at::ones({kHidden}), at::zeros({kHidden}), 1e-5};
  const auto dropped = adapter_site(f, a, norm, /*dropout=*/0.25, {}) < 0;
  EXPECT_NEAR(dropped.to(at::kDouble).mean().item<double>(), 0.25, 0.005);
  EXPECT_FALSE(at::equal(dropped, adapter_site(f, a, norm, 0.25, {}) < 0));
}

TEST_F(CpuKernels, FrozenLinear) {
  const auto inputs =
      Tensors{random({kRows, kHidden}), random({kInner, kHidden}), random({kInner})};
  expect_twice_the_error_at_most(
      [](const Tensors& in) {
        return frozen_linear(in[0], FrozenLinear{in[1], in[2]});
      },
      [](const Tensors& in) { return at::linear(in[0], in[1], in[2]); }, inputs, /*learning=*/1);
}

TEST_F(CpuKernels, FrozenLinearOfABiasThatLearnsGivesItAGradient) {
  const auto x = at::randn({kRows, kHidden}), weight = at::randn({kInner, kHidden});
  const auto bias = at::zeros({kInner}).requires_grad_();
  frozen_linear(x, {weight, bias}).sum().backward();
  EXPECT_TRUE(at::equal(bias.grad(), at::full({kInner}, static_cast<float>(kRows))));
}

TEST_F(CpuKernels, FeedForward) {
  const auto inputs = Tensors{random({kRows, kHidden}), random({kInner, kHidden}), random({kInner}),
                              random({kHidden, kInner}), random({kHidden})};
  expect_twice_the_error_at_most(
      [](const Tensors& in) {
        return feed_forward(in[0], FrozenLinear{in[1], in[2]}, FrozenLinear{in[3], in[4]});
      },
      [](const Tensors& in) {
        return at::linear(at::gelu(at::linear(in[0], in[1], in[2])), in[3], in[4]);
      },
      inputs, /*learning=*/1);
}

/// Two groups of a coupling, F and G of 4 tensors each, of inner sizes of their own.
Tensors coupling_weights(int64_t hidden) {
  const auto low = hidden / 2, high = hidden - low;
  Tensors weights;
  for (const int64_t inner : {10, 33}) {
    for (const auto& [source, target] : {std::pair{high, low}, std::pair{low, high}}) {
      for (const auto& shape :
           {std::vector{inner, source}, {inner}, {target, inner}, std::vector{target}})
        weights.push_back(random(shape));
    }
  }
  return weights;
}

std::vector<CouplingGroup> coupling_groups(const Tensors& weights, int64_t rows) {
  const auto net = [&](size_t first) {
    return CouplingNet{weights[first], weights[first + 1], weights[first + 2], weights[first + 3]};
  };
  return {{rows / 3, net(0), net(4)}, {rows - rows / 3, net(8), net(12)}};
}

TEST_F(CpuKernels, CouplingWithoutABackwardPass) {
  const torch::NoGradGuard no_grad;
  for (const int64_t hidden : {2, 41, 96}) {
    for (const int64_t rows : {1, 37, 600}) {
      const auto x = at::randn({rows, hidden}, at::kDouble);
      const auto weights = coupling_weights(hidden);
      const auto to_float = [](const Tensors& tensors) {
        Tensors floats;
        for (const auto& tensor : tensors) floats.push_back(tensor.to(at::kFloat));
        return floats;
      };
      for (const bool inverse : {false, true}) {
        const auto exact =
            coupling_composite(x, coupling_groups(weights, rows), Activation::kRelu, inverse);
        const auto groups = coupling_groups(to_float(weights), rows);
        const auto x_float = x.to(at::kFloat);
        const auto plain = coupling_composite(x_float, groups, Activation::kRelu, inverse);
        const auto ours = coupling(x_float, groups, Activation::kRelu, inverse);
        const auto error = [&](const at::Tensor& y) {
          return (y - exact).abs().max().item<double>();
        };
        EXPECT_LE(error(ours), 2 * error(plain) + 1e-6)
            << hidden << " channels, " << rows << " rows, inverse: " << inverse;
        EXPECT_TRUE(at::equal(
            ours, coupling(x_float.t().contiguous().t(), groups, Activation::kRelu, inverse)));
      }
    }
  }
}

TEST_F(CpuKernels, CouplingThatLearnsHasGradients) {
  const auto op = [](bool plain) {
    return [plain](const Tensors& in) {
      const auto groups = coupling_groups({in.begin() + 1, in.end()}, kRows);
      return plain ? coupling_composite(in[0], groups, Activation::kRelu, /*inverse=*/true)
                   : coupling(in[0], groups, Activation::kRelu, /*inverse=*/true);
    };
  };
  Tensors inputs{random({kRows, kHidden})};
  for (const auto& weight : coupling_weights(kHidden)) inputs.push_back(weight);
  expect_twice_the_error_at_most(op(false), op(true), inputs, inputs.size());
  expect_twice_the_error_at_most(op(false), op(true), inputs, /*learning=*/1);
}

TEST_F(CpuKernels, RefuseShapesThatDoNotFit) {
  const auto x = at::zeros({3, kHidden}), bias = at::zeros({kInner});
  const auto narrow = at::zeros({kInner, kHidden - 1}), weight = at::zeros({kInner, kHidden});
  EXPECT_THAT(torch_error_of([&] {
                frozen_linear(x, FrozenLinear{narrow, bias});
              }),
              testing::HasSubstr("frozen_linear: expected a weight of shape (out, 40)"));
  EXPECT_THAT(torch_error_of([&] {
                frozen_linear(x, FrozenLinear{weight, at::zeros({2})});
              }),
              testing::HasSubstr("expected a bias of shape (100), but got [2]"));
  EXPECT_THAT(torch_error_of([&] {
                feed_forward(x, FrozenLinear{weight, bias}, FrozenLinear{weight, bias});
              }),
              testing::HasSubstr("feed_forward: expected a weight of shape (out, 100)"));
  const FrozenLayerNorm norm{at::ones({kHidden}), at::zeros({kHidden}), 1e-5};
  const SiteAdapter adapter{at::zeros({4, kHidden}), at::zeros({4}), at::zeros({kHidden, 5}),
                            at::zeros({kHidden})};
  EXPECT_THAT(torch_error_of([&] { adapter_site(x, x, norm, 0, {adapter}); }),
              testing::HasSubstr("adapter_site: expected up of shape [40, 4], but got [40, 5]"));
}

TEST_F(CpuKernels, TakeNoRowsAndRowsThatAreNotDense) {
  const auto x = random({kHidden, 2 * kRows}).to(at::kFloat).t().slice(0, 0, 2 * kRows, 2);
  const FrozenLinear layer{random({kInner, kHidden}).to(at::kFloat), at::zeros({kInner})};
  expect_close(frozen_linear(x, layer), at::linear(x, layer.weight, layer.bias), 1e-6);
  EXPECT_EQ(frozen_linear(x.narrow(0, 0, 0), layer).sizes(), (std::vector<int64_t>{0, kInner}));
  const FrozenLayerNorm norm{at::ones({kHidden}), at::zeros({kHidden}), 1e-5};
  expect_close(adapter_site(x, x, norm, 0, {}), norm(x + x), 1e-5);
  EXPECT_EQ(adapter_site(x.narrow(0, 0, 0), x.narrow(0, 0, 0), norm, 0, {}).size(0), 0);
}

// Kernels read a bias from one end of memory to the other.
TEST(FrozenLayers, TakeABiasThatIsNotDense) {
  torch::manual_seed(7);
  const auto x = at::randn({5, 16}), wide = at::randn({24, 16}), narrow = at::randn({16, 24});
  const at::Tensor wide_biases[] = {at::randn({24, 3}).select(1, 0), at::ones({1}).expand({24})};
  const auto narrow_bias = at::randn({16, 2}).select(1, 1);
  for (const auto& bias : wide_biases) {
    expect_close(frozen_linear(x, {wide, bias}), at::linear(x, wide, bias), 1e-5);
    const auto inner = at::gelu(at::linear(x, wide, bias));
    expect_close(feed_forward(x, {wide, bias}, {narrow, narrow_bias}),
                 at::linear(inner, narrow, narrow_bias), 1e-5);
  }
}

}  // namespace cpu_kernels_test
}  // namespace madx::ops

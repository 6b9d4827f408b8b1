// The ops' side of the CUDA kernels, tensors and autograd, with the kernels under emulation on CPU
// tensors: results and gradients have at most twice the error of the plain LibTorch form in the
// same type, both against that form in double.
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/utils.h>

#include <functional>

#include "../support.h"
#include "emulation/block.h"
#include "madx/cpu/available.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "ops/adapter_site_cuda.h"
#include "ops/coupling_cuda.h"

namespace madx::ops {
namespace {

using Tensors = std::vector<at::Tensor>;
using Op = std::function<at::Tensor(const Tensors&)>;
using Groups = std::vector<IndexedSiteGroup>;

/// Groups of so many rows each, one after the other.
Groups groups_of(const std::vector<std::pair<int64_t, std::vector<size_t>>>& parts) {
  Groups groups;
  int64_t first = 0;
  for (const auto& [rows, adapters] : parts) {
    groups.push_back({first, rows, adapters});
    first += rows;
  }
  return groups;
}

at::Tensor random(at::IntArrayRef shape) {
  return at::randn(shape, at::kDouble) / std::sqrt(static_cast<double>(shape.back()));
}

class CudaOps : public testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { torch::manual_seed(4); }

  /// The op's result and its gradients by the inputs that learn.
  static Tensors run(const Op& op, const Tensors& inputs, const std::vector<bool>& learn,
                     at::ScalarType type) {
    Tensors leaves;
    for (size_t i = 0; i < inputs.size(); ++i)
      leaves.push_back(inputs[i].to(type).clone().requires_grad_(learn[i]));
    const auto y = op(leaves);
    torch::manual_seed(6);
    (y * at::randn(y.sizes(), at::kDouble).to(GetParam()).to(type)).sum().backward();
    Tensors results = {y.detach()};
    for (size_t i = 0; i < inputs.size(); ++i)
      if (learn[i]) results.push_back(leaves[i].grad());
    return results;
  }

  static void expect_twice_the_error_at_most(const Op& ours, const Op& plain, Tensors inputs,
                                             const std::vector<bool>& learn) {
    for (auto& input : inputs) input = input.to(GetParam()).to(at::kDouble);
    const auto exact = run(plain, inputs, learn, at::kDouble);
    const auto reference = run(plain, inputs, learn, GetParam());
    const auto fused = run(ours, inputs, learn, GetParam());
    const double rounding = GetParam() == at::kFloat  ? 0x1p-21
                            : GetParam() == at::kHalf ? 0x1p-11
                                                      : 0x1p-8;
    for (size_t i = 0; i < exact.size(); ++i) {
      const auto error = [&](const at::Tensor& y) {
        return (y.to(at::kDouble) - exact[i]).norm().item<double>();
      };
      const auto size = exact[i].norm().item<double>();
      ASSERT_EQ(fused[i].sizes(), exact[i].sizes());
      EXPECT_GT(fused[i].abs().max().item<double>(), 0) << "result " << i;
      EXPECT_TRUE(error(fused[i]) <= 2 * error(reference[i]) + rounding * size)
          << "result " << i << ": error " << error(fused[i]) / size << ", plain "
          << error(reference[i]) / size;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Types, CudaOps, testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                         [](const auto& info) { return std::string(toString(info.param)); });

constexpr int64_t kHidden = 40;

/// f, a, the LayerNorm's two, then four weights an adapter.
Tensors site_inputs(int64_t rows, const std::vector<int64_t>& bottlenecks) {
  Tensors inputs = {random({rows, kHidden}) * 6, random({rows, kHidden}) * 6, random({kHidden}) + 1,
                    random({kHidden})};
  for (const auto bottleneck : bottlenecks) {
    for (const auto& weight : {random({bottleneck, kHidden}), random({bottleneck}),
                               random({kHidden, bottleneck}), random({kHidden})})
      inputs.push_back(weight);
  }
  return inputs;
}

Op site(const Groups& groups) {
  return [groups](const Tensors& in) {
    return detail::adapter_site_cuda(in[0], in[1], in[2], in[3], 1e-5, /*dropout=*/0, groups,
                                     Tensors(in.begin() + 4, in.end()));
  };
}

Op plain_site(const Groups& groups) {
  return [groups](const Tensors& in) {
    std::vector<SiteGroup> stacks;
    for (const auto& group : groups) {
      stacks.push_back({group.rows, {}});
      for (const auto adapter : group.adapters) {
        const auto* part = &in[4 + 4 * adapter];
        stacks.back().adapters.push_back({part[0], part[1], part[2], part[3]});
      }
    }
    return adapter_site_composite(in[0], in[1], {in[2], in[3], 1e-5}, /*dropout=*/0, stacks);
  };
}

/// f, a and the adapters named.
std::vector<bool> learning(size_t inputs, bool f_and_a, const std::vector<size_t>& adapters) {
  std::vector<bool> learn(inputs);
  learn[0] = learn[1] = f_and_a;
  for (const auto adapter : adapters)
    for (size_t i = 0; i < 4; ++i) learn[4 + 4 * adapter + i] = true;
  return learn;
}

TEST_P(CudaOps, AdapterSite) {
  const auto groups = groups_of({{37, {0, 1}}});
  const auto inputs = site_inputs(37, {24, 7});
  expect_twice_the_error_at_most(site(groups), plain_site(groups), inputs,
                                 learning(inputs.size(), true, {0, 1}));
}

TEST_P(CudaOps, AdapterSiteWhereATaskAdapterLearnsOnAFrozenLanguageAdapter) {
  const auto groups = groups_of({{37, {0, 1}}});
  const auto inputs = site_inputs(37, {24, 8});
  for (const bool f_and_a : {true, false}) {
    expect_twice_the_error_at_most(site(groups), plain_site(groups), inputs,
                                   learning(inputs.size(), f_and_a, {1}));
    expect_twice_the_error_at_most(site(groups), plain_site(groups), inputs,
                                   learning(inputs.size(), f_and_a, {0}));
  }
}

TEST_P(CudaOps, AdapterSiteOfMixedLanguages) {
  // Adapter 2 is a task adapter above two languages, and above none; adapter 0 comes twice.
  const auto groups = groups_of({{5, {0, 2}}, {11, {1, 2}}, {3, {0, 2}}, {4, {2}}, {2, {}}});
  const auto inputs = site_inputs(25, {16, 8, 8});
  expect_twice_the_error_at_most(site(groups), plain_site(groups), inputs,
                                 learning(inputs.size(), true, {0, 1, 2}));
  expect_twice_the_error_at_most(site(groups), plain_site(groups), inputs,
                                 learning(inputs.size(), false, {2}));
}

TEST_P(CudaOps, AdapterSiteByGemms) {
  const auto groups = groups_of({{9, {0, 1}}, {4, {2}}});
  const auto inputs = site_inputs(13, {24, 8, 16});
  const auto ours = [&](const Tensors& in) {
    return detail::adapter_site_gemm(in[0], in[1], in[2], in[3], 1e-5, /*dropout=*/0, groups,
                                     Tensors(in.begin() + 4, in.end()));
  };
  expect_twice_the_error_at_most(ours, plain_site(groups), inputs,
                                 learning(inputs.size(), true, {0, 1, 2}));
}

TEST(CudaSite, IsFusedUnlessWeightsWouldBeReadTooOften) {
  const auto form = [](at::ScalarType type, int64_t hidden, int64_t bottleneck, size_t depth) {
    const Tensors weights = {at::empty({bottleneck, 1})};
    return detail::cuda_site_form(at::empty({1, hidden}, type),
                                  {{0, 1, std::vector<size_t>(depth, 0)}}, weights);
  };
  emulation::device().shared_bytes = 163 * 1024;  // as sm_80
  EXPECT_EQ(form(at::kHalf, 768, 384, 1), detail::CudaSiteForm::kFused);
  EXPECT_EQ(form(at::kHalf, 768, 48, 4), detail::CudaSiteForm::kFused);
  EXPECT_EQ(form(at::kHalf, 768, 48, 5), detail::CudaSiteForm::kGemm);
  EXPECT_EQ(form(at::kHalf, 4096, 1024, 1), detail::CudaSiteForm::kGemm);
  EXPECT_EQ(form(at::kFloat, 768, 48, 1), detail::CudaSiteForm::kFused);
  EXPECT_EQ(form(at::kFloat, 768, 384, 1), detail::CudaSiteForm::kGemm);
  EXPECT_EQ(form(at::kHalf, 1 << 20, 8, 1), detail::CudaSiteForm::kComposite);
  emulation::device() = {};
}

TEST_P(CudaOps, AdapterSiteWithoutAdapters) {
  const auto groups = groups_of({{9, {}}});
  const auto inputs = site_inputs(9, {});
  expect_twice_the_error_at_most(site(groups), plain_site(groups), inputs,
                                 {true, true, false, false});
}

TEST_P(CudaOps, TakeNoRowsAndRowsThatAreNotDense) {
  auto inputs = site_inputs(0, {8});
  for (auto& input : inputs) input = input.to(GetParam()).requires_grad_();
  const auto none = site(groups_of({{0, {0}}}))(inputs);
  EXPECT_EQ(none.sizes(), (std::vector<int64_t>{0, kHidden}));
  none.sum().backward();
  EXPECT_EQ(inputs[4].grad().abs().sum().item<double>(), 0);

  const auto wide = random({kHidden, 22}).to(GetParam());
  const auto x = wide.t().slice(0, 0, 22, 2);
  const auto dense = x.contiguous();
  ASSERT_FALSE(x.is_contiguous());
  const auto weights = site_inputs(11, {8});
  Tensors in = {x, x};
  for (size_t i = 2; i < weights.size(); ++i) in.push_back(weights[i].to(GetParam()));
  const auto strided = site(groups_of({{11, {0}}}))(in);
  in[0] = in[1] = dense;
  EXPECT_TRUE(at::equal(strided, site(groups_of({{11, {0}}}))(in)));
}

/// autograd::grad by one input alone gives what it gives that input beside all others.
void expect_each_gradient_alone(const Op& op, const Tensors& inputs) {
  Tensors leaves;
  for (const auto& input : inputs) leaves.push_back(input.to(at::kFloat).clone().requires_grad_());
  const auto together = torch::autograd::grad({op(leaves).pow(2).sum()}, leaves);
  for (size_t i = 0; i < leaves.size(); ++i) {
    SCOPED_TRACE(i);
    const auto alone = torch::autograd::grad({op(leaves).pow(2).sum()}, {leaves[i]});
    ASSERT_TRUE(alone[0].defined());
    expect_close(alone[0], together[i], 1e-5, 1e-4);
  }
}

TEST(CudaSite, GivesEachGradientAlone) {
  torch::manual_seed(4);
  auto inputs = site_inputs(12, {8, 7});
  const auto norm_weight = inputs[2].to(at::kFloat), norm_bias = inputs[3].to(at::kFloat);
  inputs.erase(inputs.begin() + 2, inputs.begin() + 4);
  expect_each_gradient_alone(
      [&](const Tensors& in) {
        Tensors all{in[0], in[1], norm_weight, norm_bias};
        all.insert(all.end(), in.begin() + 2, in.end());
        return site(groups_of({{5, {0, 1}}, {7, {1}}}))(all);
      },
      inputs);
}

TEST(CudaSite, DropsAsTheCpuKernelDoes) {
  torch::manual_seed(4);
  auto inputs = site_inputs(21, {8});
  for (auto& input : inputs) input = input.to(at::kFloat);
  const Tensors weights(inputs.begin() + 4, inputs.end());
  const auto f = inputs[0].clone().requires_grad_(), a = inputs[1].clone().requires_grad_();
  const auto run = [&](const std::function<at::Tensor()>& op) {
    torch::manual_seed(9);
    const auto y = op();
    (y * inputs[0]).sum().backward();
    Tensors results = {y.detach(), f.grad().clone(), a.grad().clone()};
    f.mutable_grad() = a.mutable_grad() = at::Tensor();
    return results;
  };
  const auto ours = run([&] {
    return detail::adapter_site_cuda(f, a, inputs[2], inputs[3], 1e-5, 0.3, {{0, 21, {0}}},
                                     weights);
  });
  const auto cpu = run([&] {
    return adapter_site(f, a, {inputs[2], inputs[3], 1e-5}, 0.3,
                        {{weights[0], weights[1], weights[2], weights[3]}});
  });
  if (!cpu::available()) GTEST_SKIP() << "the CPU kernels were not built";
  for (size_t i = 0; i < cpu.size(); ++i) expect_close(ours[i], cpu[i], 1e-5, 1e-5);
  EXPECT_NEAR((ours[1] == 0).to(at::kDouble).mean().item<double>(), 0.3, 0.05);
}

/// x, then F's and G's weights of each group.
Tensors coupling_inputs(int64_t rows, int64_t hidden, const std::vector<int64_t>& bottlenecks) {
  const auto low = hidden / 2, high = hidden - low;
  Tensors inputs = {random({rows, hidden}) * 6};
  for (const auto bottleneck : bottlenecks) {
    for (const auto& [from, to] : {std::pair{high, low}, std::pair{low, high}}) {
      for (const auto& weight : {random({bottleneck, from}), random({bottleneck}),
                                 random({to, bottleneck}), random({to})})
        inputs.push_back(weight);
    }
  }
  return inputs;
}

Op coupled(const std::vector<int64_t>& rows, bool inverse, bool plain) {
  return [=](const Tensors& in) {
    if (!plain)
      return detail::coupling_cuda(in[0], Tensors(in.begin() + 1, in.end()), rows, inverse);
    std::vector<CouplingGroup> groups;
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto* part = &in[1 + 8 * i];
      groups.push_back(
          {rows[i], {part[0], part[1], part[2], part[3]}, {part[4], part[5], part[6], part[7]}});
    }
    return coupling_composite(in[0], groups, Activation::kRelu, inverse);
  };
}

TEST_P(CudaOps, Coupling) {
  for (const bool inverse : {false, true}) {
    for (const int64_t hidden : {48, 33}) {
      const auto inputs = coupling_inputs(19, hidden, {12});
      expect_twice_the_error_at_most(coupled({19}, inverse, false), coupled({19}, inverse, true),
                                     inputs, std::vector<bool>(inputs.size(), true));
    }
  }
}

TEST_P(CudaOps, CouplingOfMixedLanguages) {
  const auto inputs = coupling_inputs(12, 32, {8, 16});
  std::vector<bool> learn(inputs.size(), true);
  for (size_t i = 1; i < 9; ++i) learn[i] = false;  // the first language's
  for (const bool inverse : {false, true}) {
    expect_twice_the_error_at_most(coupled({5, 7}, inverse, false), coupled({5, 7}, inverse, true),
                                   inputs, learn);
  }
}

TEST(CudaCoupling, GivesEachGradientAlone) {
  torch::manual_seed(4);
  for (const bool inverse : {false, true})
    expect_each_gradient_alone(coupled({5, 7}, inverse, false), coupling_inputs(12, 32, {8, 16}));
}

TEST(CudaCoupling, IsUndoneByItsInverse) {
  torch::manual_seed(4);
  auto inputs = coupling_inputs(7, 32, {8});
  for (auto& input : inputs) input = input.to(at::kFloat);
  const auto x = inputs[0];
  inputs[0] = coupled({7}, false, false)(inputs);
  EXPECT_GT((inputs[0] - x).abs().max().item<double>(), 0.01);
  expect_close(coupled({7}, true, false)(inputs), x, 1e-5);
}

}  // namespace
}  // namespace madx::ops

#include "madx/adapters/invertible_adapter.h"

#include <gmock/gmock.h>
#include <torch/serialize.h>

#include <sstream>

#include "../support.h"

namespace madx {
namespace invertible_adapter_test {

using testing::ElementsAre;
using testing::HasSubstr;

InvertibleAdapterOptions options(int64_t hidden, const std::string& non_linearity = "relu") {
  return InvertibleAdapterOptions(hidden).non_linearity(non_linearity);
}

/// Weights far from the identity, as after long training.
void randomise(InvertibleAdapterImpl& module) {
  const at::NoGradGuard no_grad;
  for (auto& weight : module.parameters()) weight.normal_(0, 0.3);
}

class CouplingTest : public testing::TestWithParam<int64_t> {};

TEST_P(CouplingTest, IsUndoneForAnyFunctionsOfTheHalves) {
  const auto hidden = GetParam();
  torch::manual_seed(3);
  const auto x = at::randn({2, 4, hidden}, at::kDouble);
  const auto mix = at::randn({hidden - hidden / 2, hidden / 2}, at::kDouble);
  const auto f = [&](const at::Tensor& half) { return at::matmul(half.exp(), mix); };
  const auto g = [&](const at::Tensor& half) { return at::matmul(half.tanh(), mix.t()); };
  const auto y = ops::couple(x, f, g);
  ASSERT_EQ(y.sizes(), x.sizes());
  EXPECT_GT((y - x).abs().min().item<double>(), 0) << "both halves change";
  expect_close(ops::uncouple(y, f, g), x, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Channels, CouplingTest, testing::Values(2, 3, 5, 8, 33));

class InvertibleAdapterTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { torch::manual_seed(4); }
};

TEST_P(InvertibleAdapterTest, InvertsItselfToRounding) {
  const auto hidden = GetParam();
  const at::NoGradGuard no_grad;
  InvertibleAdapter module(options(hidden));
  const auto x = at::randn({7, hidden});
  EXPECT_GT((module->forward(x) - x).abs().max().item<double>(), 1e-5);
  expect_close(module->inverse(module->forward(x)), x, 1e-6);
  expect_close(module->forward(module->inverse(x)), x, 1e-6);

  module->to(at::kDouble);
  const auto exact = at::randn({2, 3, hidden}, at::kDouble);
  expect_close(module->inverse(module->forward(exact)), exact, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(HiddenSizes, InvertibleAdapterTest, testing::Values(2, 3, 32, 33, 768));

TEST(InvertibleAdapter, HasAdapterHubsNamesAndShapes) {
  InvertibleAdapter module(InvertibleAdapterOptions(33).reduction_factor(2));
  std::vector<std::string> found;
  for (const auto& item : module->named_parameters()) {
    std::ostringstream text;
    text << item.key() << " " << item.value().sizes();
    found.push_back(text.str());
  }
  EXPECT_THAT(found, ElementsAre("F.0.weight [8, 17]", "F.0.bias [8]", "F.2.weight [16, 8]",
                                 "F.2.bias [16]", "G.0.weight [8, 16]", "G.0.bias [8]",
                                 "G.2.weight [17, 8]", "G.2.bias [17]"));
}

TEST(InvertibleAdapter, HasTheSizesThatPythonsDivisionGives) {
  InvertibleAdapter module(InvertibleAdapterOptions(768).reduction_factor(3.2));
  for (const std::string net : {"F", "G"})
    EXPECT_EQ(module->named_parameters()[net + ".0.weight"].size(0), 119) << "384 // 3.2";
}

TEST(InvertibleAdapter, IsNicesAdditiveCoupling) {
  torch::manual_seed(5);
  InvertibleAdapter module(options(7, "tanh"));
  randomise(*module);
  const auto weights = module->named_parameters();
  const auto net = [&](const std::string& name, const at::Tensor& x) {
    const auto inner = at::linear(x, weights[name + ".0.weight"], weights[name + ".0.bias"]);
    return at::linear(inner.tanh(), weights[name + ".2.weight"], weights[name + ".2.bias"]);
  };
  const auto x = at::randn({4, 7});
  const auto x1 = x.narrow(1, 0, 3), x2 = x.narrow(1, 3, 4);
  const auto y1 = x1 + net("F", x2), y2 = x2 + net("G", y1);
  expect_close(module->forward(x), at::cat({y1, y2}, 1), 1e-6);
}

TEST(InvertibleAdapter, AgreesWithFiniteDifferencesBothWays) {
  torch::manual_seed(6);
  InvertibleAdapter module(options(5, "swish"));
  randomise(*module);
  module->to(at::kDouble);
  const auto x = at::randn({3, 5}, at::kDouble).requires_grad_();
  const auto direction = at::randn({3, 5}, at::kDouble);
  auto inputs = module->parameters();
  inputs.push_back(x);
  expect_gradients_of_differences([&] { return (module->forward(x) * direction).sum(); }, inputs);
  expect_gradients_of_differences([&] { return (module->inverse(x) * direction).sum(); }, inputs);
}

TEST(InvertibleAdapter, StartsNearTheIdentity) {
  torch::manual_seed(7);
  InvertibleAdapter module(InvertibleAdapterOptions(768));
  const auto before = module->F->parameters()[0].clone();
  module->reset_parameters();
  EXPECT_FALSE(at::equal(module->F->parameters()[0], before));
  for (const auto& item : module->named_parameters()) {
    if (item.value().dim() == 1) {
      EXPECT_EQ(item.value().abs().max().item<double>(), 0) << item.key();
    } else {
      EXPECT_NEAR(item.value().std().item<double>(), 0.02, 0.001) << item.key();
      EXPECT_NEAR(item.value().mean().item<double>(), 0, 0.001) << item.key();
    }
  }
}

TEST(InvertibleAdapter, ClonesToEqualButSeparateWeights) {
  torch::manual_seed(8);
  InvertibleAdapter module(options(6));
  randomise(*module);
  const auto clone = std::dynamic_pointer_cast<InvertibleAdapterImpl>(module->clone());
  const auto x = at::randn({3, 6});
  const auto expected = module->forward(x).detach();
  EXPECT_TRUE(at::equal(clone->forward(x), expected));
  for (const auto& item : clone->named_parameters()) {
    EXPECT_TRUE(item.value().requires_grad());
    EXPECT_FALSE(item.value().is_alias_of(module->named_parameters()[item.key()])) << item.key();
  }
  randomise(*clone);
  EXPECT_FALSE(at::equal(clone->forward(x), expected)) << "forward reads the clone's parameters";
  EXPECT_TRUE(at::equal(module->forward(x), expected));
}

TEST(InvertibleAdapter, IsSavedAndLoadedByLibTorch) {
  torch::manual_seed(9);
  InvertibleAdapter saved(options(6)), loaded(options(6));
  std::stringstream stream;
  torch::save(saved, stream);
  torch::load(loaded, stream);
  const auto x = at::randn({3, 6});
  EXPECT_TRUE(at::equal(loaded->forward(x), saved->forward(x)));
}

TEST(InvertibleAdapter, PrintsItsSizes) {
  std::ostringstream text;
  text << InvertibleAdapter(InvertibleAdapterOptions(768).reduction_factor(4));
  EXPECT_THAT(text.str(), testing::StartsWith("madx::InvertibleAdapter(hidden_size=768, "
                                              "reduction_factor=4)"));
}

TEST(InvertibleAdapter, SaysWhichSizeItExpects) {
  InvertibleAdapter module(options(6));
  EXPECT_THAT(torch_error_of([&] {
                module->forward(at::zeros({3, 5}));
              }),
              HasSubstr("InvertibleAdapter: expected last dimension 6, but got [3, 5]"));
  EXPECT_THAT(torch_error_of([&] { module->inverse(at::zeros({7})); }),
              HasSubstr("expected last dimension 6, but got [7]"));
  EXPECT_THAT(torch_error_of([] { InvertibleAdapter{options(1)}; }),
              HasSubstr("expected a hidden size of at least 2, but got 1"));
  EXPECT_THAT(input_error_of([] { InvertibleAdapter{options(6, "sine")}; }),
              HasSubstr("unknown non-linearity \"sine\": expected one of gelu, "));
}

}  // namespace invertible_adapter_test
}  // namespace madx

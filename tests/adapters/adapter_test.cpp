#include "madx/adapters/adapter.h"

#include <gmock/gmock.h>
#include <torch/serialize.h>

#include <sstream>

#include "../support.h"
#include "madx/adapters/adapter_stack.h"

namespace madx {
namespace adapter_test {

using testing::ElementsAre;
using testing::HasSubstr;

AdapterOptions options(int64_t hidden, int64_t bottleneck, const std::string& init = "bert") {
  BottleneckConfig config;
  config.init_weights = init;
  return AdapterOptions(hidden, bottleneck).config(config);
}

template <class Module>
void randomise(Module& module) {
  const at::NoGradGuard no_grad;
  for (auto& weight : module.parameters()) weight.normal_(0, 0.3);
}

/// The adapter on rows that are its input and residual at once.
at::Tensor run(AdapterImpl& adapter, const at::Tensor& x) { return adapter.forward({x, x}); }

class AdapterTest : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(10); }
};

TEST_F(AdapterTest, HasAdapterHubsNamesAndShapes) {
  BottleneckConfig config;
  config.ln_before = config.ln_after = true;
  config.scaling_kind = ScalingKind::kChannel;
  Adapter adapter(AdapterOptions(6, 2).config(config));
  std::vector<std::string> found;
  for (const auto& item : adapter->named_parameters()) {
    std::ostringstream text;
    text << item.key() << " " << item.value().sizes();
    found.push_back(text.str());
  }
  EXPECT_THAT(
      found,
      testing::UnorderedElementsAre(
          "scaling [6]", "adapter_norm_before.weight [6]", "adapter_norm_before.bias [6]",
          "adapter_down.0.weight [6]", "adapter_down.0.bias [6]", "adapter_down.1.weight [2, 6]",
          "adapter_down.1.bias [2]", "adapter_up.weight [6, 2]", "adapter_up.bias [6]",
          "adapter_norm_after.weight [6]", "adapter_norm_after.bias [6]"));
}

TEST_F(AdapterTest, StartsAsItsConfigurationSays) {
  const auto down = [](const Adapter& adapter) { return adapter->adapter_down->parameters()[0]; };
  const auto up = [](const Adapter& adapter) { return adapter->adapter_up->weight; };
  const auto std_of = [](const at::Tensor& x) { return x.std().item<double>(); };
  const auto largest = [](const at::Tensor& x) { return x.abs().max().item<double>(); };

  const Adapter bert(options(400, 100, "bert"));
  EXPECT_NEAR(std_of(down(bert)), 0.02, 0.001);
  EXPECT_NEAR(std_of(up(bert)), 0.02, 0.001);
  EXPECT_GT(largest(down(bert)), 0.06) << "not truncated";

  const Adapter mam(options(400, 100, "mam_adapter"));
  EXPECT_EQ(largest(up(mam)), 0);
  EXPECT_NEAR(largest(down(mam)), 1 / std::sqrt(400.0), 0.0005);
  EXPECT_NEAR(std_of(down(mam)), 1 / std::sqrt(3 * 400.0), 0.001) << "uniform";

  const Adapter houlsby(options(400, 100, "houlsby"));
  for (const auto& weight : {down(houlsby), up(houlsby)}) {
    EXPECT_LE(largest(weight), 0.02 + 1e-7) << "cut at two standard deviations";
    EXPECT_GT(largest(weight), 0.019);
    EXPECT_NEAR(std_of(weight), 0.0088, 0.0003) << "0.88 of 0.01: the tails are gone";
    EXPECT_NEAR(weight.mean().item<double>(), 0, 0.0005);
  }
  for (const auto& adapter : {bert, mam, houlsby}) {
    EXPECT_EQ(largest(adapter->adapter_down->parameters()[1]), 0);
    EXPECT_EQ(largest(adapter->adapter_up->bias), 0);
  }
}

TEST_F(AdapterTest, DrawsNewWeightsWhenReset) {
  Adapter adapter(options(8, 2));
  const auto before = adapter->adapter_up->weight.clone();
  adapter->reset_parameters();
  EXPECT_FALSE(at::equal(adapter->adapter_up->weight, before));
}

TEST_F(AdapterTest, DropsOutWhileTrainingAlone) {
  BottleneckConfig config;
  config.dropout = 0.5;
  Adapter adapter(AdapterOptions(8, 4).config(config));
  randomise(*adapter);
  const auto x = at::randn({5, 8});
  EXPECT_FALSE(at::equal(run(*adapter, x), run(*adapter, x)));
  adapter->eval();
  EXPECT_TRUE(at::equal(run(*adapter, x), run(*adapter, x)));
}

TEST_F(AdapterTest, ClonesToEqualButSeparateWeights) {
  BottleneckConfig config;
  config.ln_before = config.ln_after = true;
  config.scaling_kind = ScalingKind::kLearned;
  Adapter adapter(AdapterOptions(6, 3).config(config));
  randomise(*adapter);
  const auto clone = std::dynamic_pointer_cast<AdapterImpl>(adapter->clone());
  const auto x = at::randn({4, 6});
  const auto expected = run(*adapter, x).detach();
  EXPECT_TRUE(at::equal(run(*clone, x), expected));
  const auto weights = clone->named_parameters();
  for (const auto& item : weights) {
    EXPECT_TRUE(item.value().requires_grad());
    EXPECT_FALSE(item.value().is_alias_of(adapter->named_parameters()[item.key()])) << item.key();
  }
  EXPECT_TRUE(weights["adapter_norm_before.weight"].is_same(weights["adapter_down.0.weight"]))
      << "one LayerNorm under two names";
  randomise(*clone);
  EXPECT_FALSE(at::equal(run(*clone, x), expected)) << "forward reads the clone's parameters";
  EXPECT_TRUE(at::equal(run(*adapter, x), expected));
}

TEST_F(AdapterTest, IsSavedAndLoadedByLibTorch) {
  Adapter saved(options(6, 3)), loaded(options(6, 3));
  std::stringstream stream;
  torch::save(saved, stream);
  torch::load(loaded, stream);
  const auto x = at::randn({4, 6});
  EXPECT_TRUE(at::equal(run(*loaded, x), run(*saved, x)));
}

TEST_F(AdapterTest, PrintsItsSizes) {
  std::ostringstream text;
  text << Adapter(options(768, 48));
  EXPECT_THAT(text.str(),
              testing::StartsWith(
                  "madx::Adapter(hidden_size=768, bottleneck_size=48, non_linearity=relu)"));
}

TEST_F(AdapterTest, RefusesWhatItCannotBuild) {
  EXPECT_THAT(torch_error_of([] { Adapter{options(6, 0)}; }),
              HasSubstr("expected positive sizes, but got hidden size 6 and bottleneck size 0"));
  EXPECT_THAT(input_error_of([] { Adapter{options(6, 2, "xavier")}; }),
              HasSubstr("unknown init_weights \"xavier\": expected bert, mam_adapter or houlsby"));
}

TEST(BottleneckConfig, RoundsTheBottleneckDownToAtLeastOne) {
  BottleneckConfig config;
  config.reduction_factor = 7;
  config.layer_reduction_factors = {{1, 2}, {2, 0.5}};
  EXPECT_EQ(config.bottleneck_size(33, 0), 4);
  EXPECT_EQ(config.bottleneck_size(33, 1), 16);
  EXPECT_EQ(config.bottleneck_size(33, 2), 66);
  EXPECT_EQ(config.bottleneck_size(5, 0), 1);
}

TEST(BottleneckConfig, RoundsTheBottleneckAsPythonDoes) {
  // Python's 768 // factor, which AdapterHub sizes its layers by.
  const std::vector<std::pair<double, int64_t>> of_768 = {{1.2, 640}, {1.6, 479}, {2.4, 320},
                                                          {3.2, 239}, {6.4, 119}, {12.8, 59},
                                                          {16, 48},   {0.1, 7679}};
  for (const auto& [factor, size] : of_768) {
    BottleneckConfig config;
    config.reduction_factor = factor;
    EXPECT_EQ(config.bottleneck_size(768, 0), size) << factor;
  }
}

/// One layer of one adapter in a stack, in double: f and a are what arrives at its sites.
class AdapterSetTest : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(11); }

  static AdapterSet make(const BottleneckConfig& config) {
    return AdapterSet(AdapterSetOptions(config, /*hidden_size=*/8, /*num_layers=*/3));
  }

  static void expect_gradients_of_differences_at(Site site, BottleneckConfig config) {
    config.reduction_factor = 2;
    AdapterStack adapters(/*hidden_size=*/6, /*num_layers=*/1);
    const auto set = adapters->add("x", config);
    randomise(*set);
    adapters->to(at::kDouble);
    adapters->activate({"x"});
    const auto leaf = [] { return at::randn({4, 6}, at::kDouble).requires_grad_(); };
    const auto f = leaf(), a = leaf(), direction = leaf().detach();
    const FrozenLayerNorm norm{at::rand({6}, at::kDouble) + 0.5, at::randn({6}, at::kDouble), 1e-5};
    auto inputs = set->at(0, site)->parameters();
    inputs.push_back(f);
    inputs.push_back(a);
    expect_gradients_of_differences(
        [&] {
          return (adapters->forward(0, site, {f, a, norm}) * direction).sum();
        },
        inputs);
  }
};

TEST_F(AdapterSetTest, AgreesWithFiniteDifferencesAtEverySite) {
  expect_gradients_of_differences_at(Site::kOutput, named_config("pfeiffer"));
  expect_gradients_of_differences_at(Site::kAttentionOutput, named_config("houlsby"));
  expect_gradients_of_differences_at(Site::kOutput, named_config("houlsby"));
  expect_gradients_of_differences_at(Site::kOutput, named_config("parallel"));
  expect_gradients_of_differences_at(Site::kOutput, named_config("scaled_parallel"));
}

TEST_F(AdapterSetTest, AgreesWithFiniteDifferencesWithItsOwnLayerNormsAndScaling) {
  BottleneckConfig config;
  config.ln_before = config.ln_after = true;
  config.scaling_kind = ScalingKind::kChannel;
  config.residual_before_ln = ResidualSource::kPostAdd;
  expect_gradients_of_differences_at(Site::kOutput, config);
  config.adapter_residual_before_ln = true;
  config.original_ln_after = false;
  config.residual_before_ln = ResidualSource::kAfterLayerNorm;
  expect_gradients_of_differences_at(Site::kOutput, config);
}

TEST_F(AdapterSetTest, HasASiteALayerAsConfigured) {
  auto config = named_config("houlsby+inv");
  config.leave_out = {1};
  config.layer_reduction_factors = {{2, 2}};
  const auto set = make(config);
  EXPECT_EQ(set->at(0, Site::kAttentionOutput)->options.bottleneck_size(), 1);
  EXPECT_EQ(set->at(1, Site::kAttentionOutput), nullptr);
  EXPECT_EQ(set->at(1, Site::kOutput), nullptr);
  EXPECT_EQ(set->at(2, Site::kOutput)->options.bottleneck_size(), 4);
  EXPECT_NE(set->invertible(), nullptr);
  const auto pfeiffer = make(named_config("pfeiffer"));
  EXPECT_EQ(pfeiffer->at(0, Site::kAttentionOutput), nullptr);
  EXPECT_NE(pfeiffer->at(0, Site::kOutput), nullptr);
  EXPECT_EQ(pfeiffer->invertible(), nullptr);
  std::ostringstream text;
  text << set;
  EXPECT_THAT(text.str(), testing::StartsWith("madx::AdapterSet(hidden_size=8, num_layers=3, "
                                              "reduction_factor=16, invertible=nice)"));
}

TEST_F(AdapterSetTest, ListsItsTensorsByAdapterHubsPaths) {
  auto config = named_config("houlsby+inv");
  config.leave_out = {0, 2};
  const auto set = make(config);
  std::vector<std::string> keys;
  for (const auto& entry : set->named_tensors()) keys.push_back(entry.first);
  const std::string attention = "encoder.layer.1.attention.output.",
                    output = "encoder.layer.1.output.";
  EXPECT_THAT(keys,
              ElementsAre(attention + "adapter_down.0.weight", attention + "adapter_down.0.bias",
                          attention + "adapter_up.weight", attention + "adapter_up.bias",
                          output + "adapter_down.0.weight", output + "adapter_down.0.bias",
                          output + "adapter_up.weight", output + "adapter_up.bias",
                          "invertible.F.0.weight", "invertible.F.0.bias", "invertible.F.2.weight",
                          "invertible.F.2.bias", "invertible.G.0.weight", "invertible.G.0.bias",
                          "invertible.G.2.weight", "invertible.G.2.bias"));
}

TEST_F(AdapterSetTest, ClonesToEqualButSeparateWeights) {
  const auto set = make(named_config("houlsby+inv"));
  const auto clone = std::dynamic_pointer_cast<AdapterSetImpl>(set->clone());
  const auto x = at::randn({4, 8});
  const auto one = [&](const AdapterSetImpl& of) {
    return run(*of.at(2, Site::kOutput), of.invertible()->forward(x)).detach();
  };
  const auto expected = one(*set);
  EXPECT_TRUE(at::equal(one(*clone), expected));
  randomise(*clone);
  EXPECT_FALSE(at::equal(one(*clone), expected));
  EXPECT_TRUE(at::equal(one(*set), expected));
}

TEST_F(AdapterSetTest, RefusesConfigurationsThatItDoesNotCompute) {
  const auto error_of = [](auto change) {
    BottleneckConfig config;
    change(config);
    return input_error_of([&] { make(config); });
  };
  using Config = BottleneckConfig;
  EXPECT_THAT(error_of([](Config& c) { c.cross_adapter = true; }),
              HasSubstr("cross_adapter: expected false"));
  EXPECT_THAT(error_of([](Config& c) { c.dropout = -0.1; }),
              HasSubstr("dropout: expected a probability from 0 to 1, but found -0.1"));
  EXPECT_THAT(error_of([](Config& c) { c.stochastic_depth = 1.1; }),
              HasSubstr("stochastic_depth: expected a probability from 0 to 1, but found 1.1"));
  EXPECT_THAT(error_of([](Config& c) { c.reduction_factor = 0; }),
              HasSubstr("reduction_factor: expected a number above 0 for layer 0, but found 0"));
  EXPECT_THAT(error_of([](Config& c) { c.inv_adapter_reduction_factor = -2; }),
              HasSubstr("expected a number above 0, but found -2"));
  EXPECT_THAT(
      error_of([](Config& c) {
        c.residual_before_ln = ResidualSource::kPostAdd;
        c.original_ln_before = false;
      }),
      HasSubstr("residual_before_ln: expected true or false where original_ln_before is false"));
  EXPECT_THAT(error_of([](Config& c) { c.inv_adapter = "glow"; }),
              HasSubstr("inv_adapter: expected \"nice\", but found \"glow\"; AdapterHub's own"));
  EXPECT_THAT(error_of([](Config& c) { c.non_linearity = "sine"; }),
              HasSubstr("unknown non-linearity \"sine\""));
  EXPECT_THAT(input_error_of([] { named_config("lora"); }),
              HasSubstr("\"lora\": expected a bottleneck adapter, but found another method"));
  EXPECT_THAT(input_error_of([] { named_config("sequential"); }),
              HasSubstr("expected pfeiffer (seq_bn), houlsby (double_seq_bn)"));
}

}  // namespace adapter_test
}  // namespace madx

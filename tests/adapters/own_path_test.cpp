// Adapters that the site's operator does not compute, and what configurations decide beside it.
#include <gtest/gtest.h>
#include <torch/serialize.h>

#include <memory>
#include <sstream>

#include "../support.h"
#include "madx/adapters/adapter_stack.h"

namespace madx {
namespace own_path_test {

class OwnPath : public testing::Test {
 protected:
  OwnPath() {
    torch::manual_seed(12);
    f_ = at::randn({4, 6});
    a_ = at::randn({4, 6});
    norm_ = {at::rand({6}) + 0.5, at::randn({6}), 1e-5};
  }
  AdapterSet add(const std::string& name, const BottleneckConfig& config) {
    const at::NoGradGuard no_grad;
    auto set = adapters_->add(name, config);
    for (auto& weight : set->parameters()) weight.normal_(0, 0.3);
    set->eval();
    return set;
  }
  at::Tensor output(const Composition& composition, Site site = Site::kOutput, double dropout = 0) {
    const at::NoGradGuard no_grad;
    adapters_->activate(composition);
    return adapters_->forward(0, site, {f_, a_, norm_, dropout});
  }
  static BottleneckConfig scaled(double scaling) {
    auto config = named_config("pfeiffer");
    config.scaling = scaling;
    return config;
  }

  AdapterStack adapters_{/*hidden_size=*/6, /*num_layers=*/2};
  at::Tensor f_, a_;
  FrozenLayerNorm norm_;
};

TEST_F(OwnPath, OfAScaledAdapterIsThatOfLargerWeights) {
  const auto twice = add("twice", scaled(2)), larger = add("larger", scaled(1));
  {
    const at::NoGradGuard no_grad;
    const auto from = twice->parameters(), to = larger->parameters();
    for (size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i]);
    auto* const adapter = larger->at(0, Site::kOutput);
    adapter->adapter_up->weight.mul_(2);
    adapter->adapter_up->bias.mul_(2);
  }
  expect_close(output({"twice"}), output({"larger"}), 1e-5);
}

TEST_F(OwnPath, HasTheAdaptersDropoutInTrainingAlone) {
  auto config = named_config("pfeiffer");
  config.dropout = 0.5;
  auto set = add("sw", config);
  EXPECT_TRUE(at::equal(output({"sw"}), output({"sw"})));
  set->train();
  EXPECT_FALSE(at::equal(output({"sw"}), output({"sw"})));
}

TEST_F(OwnPath, HasTheDropoutOfTheSite) {
  add("sw", scaled(2));
  EXPECT_FALSE(at::equal(output({"sw"}, Site::kOutput, 0.5), output({"sw"})));
}

TEST_F(OwnPath, OfAParallelAdapterDropsNoSequenceAndReadsNothingFromBelow) {
  add("sw", named_config("pfeiffer"));
  auto config = named_config("parallel");
  config.stochastic_depth = 0.9;
  auto set = add("beside", config);
  const auto alone = output({"beside"});
  set->train();
  EXPECT_TRUE(at::equal(output({"beside"}), alone)) << "AdapterHub has no stochastic depth there";
  for (const auto rule : {StackRule::kAdapterHub, StackRule::kPaper}) {
    adapters_->use_stack_rule(rule);
    expect_close(output({"sw", "beside"}), alone, 1e-6);
  }
}

TEST_F(OwnPath, SkipsBothSitesOfALayer) {
  add("sw", named_config("houlsby"));
  const auto bare = norm_(f_ + a_);
  for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
    adapters_->skip_layers({});
    EXPECT_FALSE(at::allclose(output({"sw"}, site), bare));
    adapters_->skip_layers({0});
    expect_close(output({"sw"}, site), bare, 1e-6);
  }
}

TEST_F(OwnPath, OfAPlanOutlivesItsFusionInTheBank) {
  add("en", named_config("pfeiffer"));
  add("sw", named_config("pfeiffer"));
  const std::weak_ptr<AdapterFusionImpl> fusion = adapters_->add_fusion(Fuse{"en", "sw"}).ptr();
  auto plan = adapters_->plan(Fuse{"en", "sw"});
  adapters_->remove_fusion("en,sw");
  EXPECT_FALSE(fusion.expired());
  plan.reset();
  EXPECT_TRUE(fusion.expired());
}

TEST(InitWeightsSeed, IsNoneWhereItIsZero) {
  auto config = named_config("pfeiffer");
  config.init_weights_seed = 0;
  const AdapterSet set(AdapterSetOptions(config, 6, 2));
  EXPECT_FALSE(at::equal(set->at(0, Site::kOutput)->adapter_up->weight,
                         set->at(1, Site::kOutput)->adapter_up->weight));
}

TEST(FusionAttention, IsFlatterAtAHigherTemperature) {
  FusionConfig config;
  config.temperature = true;
  FusionLayer layer(FusionLayerOptions(6).config(config));
  torch::manual_seed(1);
  const auto x = at::randn({3, 6}) * 20;
  const std::vector<at::Tensor> outputs = {at::randn({3, 6}) * 20, at::randn({3, 6}) * 20};
  const auto first = layer->attention(x, outputs, x, /*steps=*/0);
  const auto last = layer->attention(x, outputs, x, /*steps=*/1000);
  ASSERT_GT((first - last).abs().max().item<double>(), 0.01);
  expect_close(first, at::softmax(last.log() / 50, 1), 1e-5);
}

TEST(LoadedSet, OfAnotherConfigurationStaysFrozen) {
  AdapterSet houlsby(AdapterSetOptions(named_config("houlsby"), 6, 2));
  AdapterSet set(AdapterSetOptions(named_config("pfeiffer"), 6, 2));
  for (auto& weight : set->parameters()) weight.requires_grad_(false);
  std::stringstream file;
  torch::save(houlsby, file);
  torch::load(set, file);
  EXPECT_EQ(set->parameters().size(), houlsby->parameters().size());
  for (const auto& weight : set->parameters()) EXPECT_FALSE(weight.requires_grad());
}

}  // namespace own_path_test
}  // namespace madx

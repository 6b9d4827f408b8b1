#include "madx/adapters/fusion_layer.h"

#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"
#include "madx/adapters/adapter_stack.h"

namespace madx {
namespace fusion_layer_test {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kHidden = 6, kRows = 5;

class FusionLayerTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(3);
    x_ = at::randn({kRows, kHidden}, at::kDouble);
    residual_ = at::randn({kRows, kHidden}, at::kDouble);
    for (int i = 0; i < 3; ++i) outputs_.push_back(at::randn({kRows, kHidden}, at::kDouble));
  }

  static FusionLayer layer(const FusionConfig& config) {
    FusionLayer made(FusionLayerOptions(kHidden).config(config));
    made->to(at::kDouble);
    const at::NoGradGuard no_grad;
    for (auto& weight : made->parameters()) weight.normal_(0, 0.5);
    made->eval();
    return made;
  }

  /// The equation, row by row and member by member.
  at::Tensor plain(FusionLayer f) {
    const auto& config = f->options.config();
    std::vector<at::Tensor> rows;
    for (int64_t row = 0; row < kRows; ++row) {
      const auto r = residual_[row];
      const auto q = config.query ? at::mv(f->query->weight, x_[row]) + f->query->bias : x_[row];
      std::vector<at::Tensor> scores, values;
      for (const auto& output : outputs_) {
        const auto u = config.residual_before ? output[row] + r : output[row];
        const auto k = config.key ? at::mv(f->key->weight, u) + f->key->bias : u;
        scores.push_back(at::dot(q, k));
        values.push_back(config.value ? at::mv(f->value->weight, u) : u);
      }
      const auto weights = at::softmax(at::stack(scores) / (config.temperature ? 50.0 : 1.0), 0);
      auto y = config.residual_before ? at::zeros_like(r) : r.clone();
      for (size_t i = 0; i < values.size(); ++i)
        y = y + weights[static_cast<int64_t>(i)] * values[i];
      rows.push_back(y);
    }
    return at::stack(rows);
  }

  at::Tensor x_, residual_;
  std::vector<at::Tensor> outputs_;
};

TEST_F(FusionLayerTest, IsAttentionOverTheMembersForAllOptions) {
  for (int bits = 0; bits < 64; ++bits) {
    FusionConfig config;
    config.query = bits & 1;
    config.key = bits & 2;
    config.value = bits & 4;
    config.residual_before = bits & 8;
    config.temperature = bits & 16;
    config.value_before_softmax = bits & 32;
    SCOPED_TRACE(bits);
    auto f = layer(config);
    expect_close(f->forward(x_, outputs_, residual_), plain(f), 1e-10);
  }
}

TEST_F(FusionLayerTest, GradientsEqualFiniteDifferences) {
  auto f = layer({});
  auto inputs = f->parameters();
  for (auto* input : {&x_, &residual_, &outputs_[0], &outputs_[2]})
    inputs.push_back(input->requires_grad_());
  const auto weights = at::randn({kRows, kHidden}, at::kDouble);
  // A shift of all keys moves no weight: the gradient by key's bias is zero.
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].is_same(f->key->bias)) inputs.erase(inputs.begin() + static_cast<int64_t>(i));
  expect_gradients_of_differences(
      [&] { return (f->forward(x_, outputs_, residual_) * weights).sum(); }, inputs);
}

TEST_F(FusionLayerTest, StartsAsTheMeanPlusTheResidual) {
  FusionLayer f(FusionLayerOptions(kHidden).config({}));
  f->to(at::kDouble);
  f->eval();
  const at::NoGradGuard no_grad;
  f->query->weight.zero_();
  expect_close(f->forward(x_, outputs_, residual_),
               (outputs_[0] + outputs_[1] + outputs_[2]) / 3 + residual_, 1e-4);
  expect_close(f->attention(x_, outputs_, residual_), at::full({kRows, 3}, 1.0 / 3, at::kDouble),
               1e-10);
}

TEST_F(FusionLayerTest, CoolsWithTheStepsThatAreDone) {
  FusionConfig config;
  config.temperature = true;
  auto f = layer(config);
  const std::pair<int64_t, double> after[] = {{0, 50}, {1, 49.95}, {500, 25}, {980, 1}, {5000, 1}};
  for (const auto& [steps, temperature] : after) {
    EXPECT_NEAR(f->temperature(steps), temperature, 1e-12) << steps;
  }
  auto cool = layer({});
  EXPECT_EQ(cool->temperature(3), 1) << "where the configuration has none";
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < f->parameters().size(); ++i)
    cool->parameters()[i].copy_(f->parameters()[i]);
  expect_close(f->forward(x_, outputs_, residual_, 5000), cool->forward(x_, outputs_, residual_),
               1e-10);
  expect_close(f->attention(x_, outputs_, residual_, 5000),
               cool->attention(x_, outputs_, residual_), 1e-10);
  EXPECT_GT((f->forward(x_, outputs_, residual_) - cool->forward(x_, outputs_, residual_))
                .abs()
                .max()
                .item<double>(),
            1e-3);
}

TEST_F(FusionLayerTest, HasOneTemperatureHoweverOftenItRuns) {
  FusionConfig config;
  config.temperature = true;
  auto f = layer(config);
  f->options.dropout(0);
  for (const bool training : {false, true}) {
    f->train(training);
    const auto first = f->forward(x_, outputs_, residual_);
    for (int call = 0; call < 3; ++call)
      EXPECT_TRUE(at::equal(f->forward(x_, outputs_, residual_), first));
  }
}

TEST_F(FusionLayerTest, TakesTheStepsOfItsPlan) {
  FusionConfig config;
  config.temperature = true;
  AdapterStack bank(kHidden, 2);
  for (const auto* name : {"a", "b"}) bank->add(name, named_config("pfeiffer"));
  bank->add_fusion(Fuse{"a", "b"}, config);
  const auto steps_in = [](const Plan& plan) {
    return plan.only_path()->at(1, Site::kOutput).steps.front().optimizer_steps;
  };
  EXPECT_EQ(steps_in(*bank->plan(Fuse{"a", "b"})), 0) << "as one that was loaded begins";
  EXPECT_EQ(steps_in(*bank->plan(Fuse{"a", "b"}, PlanOptions().fusion_steps({{"a,b", 100}}))), 100);
  EXPECT_EQ(steps_in(*bank->plan(Fuse{"a", "b"}, PlanOptions().fusion_steps({{"c", 100}}))), 0);
  EXPECT_THAT(torch_error_of([&] {
                bank->plan(Fuse{"a", "b"}, PlanOptions().fusion_steps({{"a,b", -1}}));
              }),
              HasSubstr("Plan: expected 0 steps or more of fusion a,b, but got -1"));
}

TEST_F(FusionLayerTest, DropsScoresInTraining) {
  auto f = layer({});
  f->options.dropout(0.5);
  f->train();
  EXPECT_FALSE(at::equal(f->forward(x_, outputs_, residual_), f->forward(x_, outputs_, residual_)));
}

TEST_F(FusionLayerTest, KeepsItsValueNearTheIdentity) {
  auto f = layer({});
  const auto identity = at::eye(kHidden, at::kDouble);
  expect_close(f->regularization_loss(), 0.01 * (identity - f->value->weight).pow(2).sum(), 1e-12);
  f->value->weight.requires_grad_(false);
  EXPECT_FALSE(f->regularization_loss().defined());
  EXPECT_FALSE(layer(named_fusion_config("static"))->regularization_loss().defined());
}

TEST_F(FusionLayerTest, RefusesNoMembersAndUnknownNames) {
  EXPECT_THAT(torch_error_of([&] { layer({})->forward(x_, {}, residual_); }),
              HasSubstr("expected the output of at least one member"));
  EXPECT_THAT(input_error_of([] { named_fusion_config("frozen"); }),
              HasSubstr("expected dynamic or static, but found \"frozen\""));
}

TEST_F(FusionLayerTest, ListsTensorsByAdapterHubsPathsOverLayers) {
  AdapterFusion fusion(AdapterFusionOptions({}, kHidden, 2).mh_adapter(true));
  std::vector<std::string> keys;
  for (const auto& entry : fusion->named_tensors()) keys.push_back(entry.first);
  ASSERT_EQ(keys.size(), 20U);
  EXPECT_THAT(std::vector<std::string>(keys.begin(), keys.begin() + 5),
              ElementsAre("encoder.layer.0.attention.output.query.weight",
                          "encoder.layer.0.attention.output.query.bias",
                          "encoder.layer.0.attention.output.key.weight",
                          "encoder.layer.0.attention.output.key.bias",
                          "encoder.layer.0.attention.output.value.weight"));
  EXPECT_EQ(keys[5], "encoder.layer.0.output.query.weight");
  const auto clone = std::dynamic_pointer_cast<AdapterFusionImpl>(fusion->clone());
  EXPECT_TRUE(at::equal(clone->named_tensors()[0].second, fusion->named_tensors()[0].second));
  EXPECT_FALSE(clone->named_tensors()[0].second.is_same(fusion->named_tensors()[0].second));
}

}  // namespace fusion_layer_test
}  // namespace madx

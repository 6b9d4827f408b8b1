// Gradient checkpointing: the same gradients, to the bit, wherever something learns and wherever
// nothing does, and whatever becomes of what the forward pass was given.
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <optional>

#include "../support.h"
#include "madx/models/mlm_head.h"
#include "tiny_encoder.h"

namespace madx {
namespace checkpointing_test {

using testing::HasSubstr;

class Checkpointing : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(17);
    add("la", named_config("pfeiffer+inv"));
    add("ta", named_config("pfeiffer"));
    add("hou", named_config("houlsby"));
    for (const int64_t layer : {0, 1}) {
      auto config = named_config("pfeiffer");
      config.leave_out = {layer};
      add("without" + std::to_string(layer), config);
    }
    encoder_->train();
    adapters_->train();
  }

  void add(const std::string& name, BottleneckConfig config) {
    config.reduction_factor = 3;
    const at::NoGradGuard no_grad;
    for (auto& weight : adapters_->add(name, config)->parameters()) weight.normal_(0, 0.2);
  }

  /// Those of every weight that has one, after `loss` of the last hidden states.
  std::vector<at::Tensor> gradients(bool checkpointing) {
    encoder_->use_gradient_checkpointing(checkpointing);
    std::vector<at::Tensor> weights = head_->parameters(), found;
    for (const auto& module : {adapters_.ptr().get()})
      for (const auto& weight : module->parameters()) weights.push_back(weight);
    for (const auto& weight : encoder_->parameters()) weights.push_back(weight);
    for (auto& weight : weights) weight.mutable_grad() = at::Tensor();
    torch::manual_seed(3);
    auto batch = batch_;
    head_->dense->forward(encoder_->forward(batch, *adapters_)).pow(3).sum().backward();
    found.push_back(at::randn({2}));  // the generator goes on alike
    for (const auto& weight : weights)
      if (weight.grad().defined()) found.push_back(weight.grad().clone());
    return found;
  }

  void expect_the_same_gradients(const std::string& what, size_t at_least) {
    SCOPED_TRACE(what);
    const auto kept = gradients(false), again = gradients(true);
    ASSERT_EQ(again.size(), kept.size());
    EXPECT_GE(kept.size(), at_least);
    for (size_t i = 0; i < kept.size(); ++i) {
      EXPECT_TRUE(at::equal(again[i], kept[i])) << i;
    }
  }

  static void learn(const torch::nn::Module& module, bool on) {
    for (auto& weight : module.parameters()) weight.requires_grad_(on);
  }

  Encoder encoder_ = tiny_encoder();
  AdapterStack adapters_{/*hidden_size=*/12, /*num_layers=*/2};
  MlmHead head_{MlmHeadOptions(12, 30)};
  PackedBatch batch_ = pack({{0, 17, 200, 9, 2}, {0, 2}, {0, 31, 32, 33, 34, 35, 36, 2}});
  static constexpr size_t kHead = 1 + 2;  // the generator's numbers, the dense layer
};

TEST_F(Checkpointing, WorksWhereNothingInTheEncoderLearns) {
  expect_the_same_gradients("a head on the bare encoder", kHead);
  learn(*adapters_, false);
  adapters_->activate({"la", "ta"});
  expect_the_same_gradients("a head on frozen adapters", kHead);
  encoder_->use_gradient_checkpointing(true);
  EXPECT_FALSE(encoder_->forward(batch_, *adapters_).requires_grad());
}

TEST_F(Checkpointing, WorksWhereTheFirstLayerHasNothingThatLearns) {
  adapters_->activate({"without0"});
  expect_the_same_gradients("no adapter in the first layer", kHead + 4);
  adapters_->activate({"la", "without0"});
  learn(*adapters_->get("la"), false);
  expect_the_same_gradients("a frozen adapter in the first layer", kHead + 4);
  learn(*adapters_->get("la"), true);
  adapters_->activate({"without1"});
  expect_the_same_gradients("no adapter in the last layer", kHead + 4);
  adapters_->activate({"ta"});
  for (const int64_t skipped : {1, 2}) {
    adapters_->skip_first_layers(skipped);
    expect_the_same_gradients("AdapterDrop of " + std::to_string(skipped), kHead);
  }
  adapters_->skip_first_layers(0);
  adapters_->activate({"la"});
  adapters_->use_invertible(false);
  expect_the_same_gradients("no invertible adapter", kHead + 8);
  adapters_->use_invertible(true);
  expect_the_same_gradients("an invertible adapter", kHead + 16);
}

TEST_F(Checkpointing, WorksForEveryKindOfComposition) {
  batch_.languages = {"la", "ta", "la"};
  batch_.read_rows = at::tensor(std::vector<int64_t>{1, 3, 8, 14});
  for (const std::string expression :
       {"Stack(la, ta)", "hou", "Average(la, ta)", "Parallel(la, ta)",
        "BatchSplit(la, ta, batch_sizes=[1, 2])"}) {
    adapters_->activate(parse_composition(expression));
    expect_the_same_gradients(expression, kHead + 8);
  }
  adapters_->activate({kLanguage, "hou"});
  expect_the_same_gradients("mixed languages", kHead + 16);
  adapters_->use_stack_rule(StackRule::kPaper);
  adapters_->activate({"la", "ta"});
  expect_the_same_gradients("the paper's rule", kHead + 16);
}

TEST_F(Checkpointing, ComputesAFusionAgainAtTheTemperatureThatItHad) {
  FusionConfig config;
  config.temperature = true;
  auto fusion = adapters_->add_fusion(Fuse({"la", "ta"}), config, /*default_dropout=*/0.3);
  for (auto& weight : fusion->parameters()) torch::nn::init::normal_(weight, 0, 0.3);
  for (const std::string expression : {"Fuse(la, ta)", "Stack(hou, Fuse(la, ta))"}) {
    adapters_->activate(parse_composition(expression));
    for (const int64_t steps : {0, 700, 2000}) {
      adapters_->use(PlanOptions().fusion_steps({{"la,ta", steps}}));
      expect_the_same_gradients("after " + std::to_string(steps) + " steps", kHead + 10);
    }
  }
}

TEST_F(Checkpointing, OutlivesTheStackAndTheEncoderThatItRanOn) {
  const auto weight = adapters_->get("ta")->at(0, Site::kOutput)->adapter_up->weight;
  std::vector<at::Tensor> found;
  for (const bool checkpointing : {false, true}) {
    at::Tensor loss;
    torch::manual_seed(4);
    {
      auto encoder = tiny_encoder();
      encoder->train();
      encoder->use_gradient_checkpointing(checkpointing);
      AdapterStack bank(12, 2);
      bank->add("ta", adapters_->get("ta"));
      bank->activate({"ta"});
      loss = encoder->forward(batch_, *bank).pow(3).sum();
      bank->skip_first_layers(2);  // of later batches
      bank->use_stack_rule(StackRule::kPaper);
      bank->deactivate();
    }
    at::Tensor(weight).mutable_grad() = at::Tensor();
    loss.backward();
    found.push_back(weight.grad().clone());
  }
  EXPECT_GT(found[0].abs().max().item<double>(), 0);
  EXPECT_TRUE(at::equal(found[1], found[0]));
}

TEST_F(Checkpointing, WorksWithoutAStackWhereTheEncoderLearns) {
  std::vector<at::Tensor> found;
  encoder_->unfreeze();
  for (const bool checkpointing : {false, true}) {
    encoder_->use_gradient_checkpointing(checkpointing);
    encoder_->zero_grad();
    torch::manual_seed(4);
    encoder_->forward(batch_).pow(3).sum().backward();  // through a stack that is gone by now
    for (const auto& weight : encoder_->parameters()) {
      ASSERT_TRUE(weight.grad().defined());
      found.push_back(weight.grad().clone());
    }
  }
  // To rounding: without a gradient, which is how layers run first, kernels take weights that
  // learn.
  for (size_t i = 0; i < found.size() / 2; ++i) {
    SCOPED_TRACE(i);
    expect_close(found[found.size() / 2 + i], found[i],
                 1e-4 * (1 + found[i].abs().max().item<double>()));
  }
}

TEST_F(Checkpointing, RefusesWhatBackwardCannotGiveThrough) {
  adapters_->activate({"la"});
  encoder_->use_gradient_checkpointing(true);
  const auto below = adapters_->get("la")->invertible()->parameters().front();
  EXPECT_THAT(
      torch_error_of(
          [&] { torch::autograd::grad({encoder_->forward(batch_, *adapters_).sum()}, {below}); }),
      HasSubstr("recomputed: expected backward() of all that learns, but got autograd::grad"));
  EXPECT_THAT(torch_error_of([&] {
                torch::autograd::backward({encoder_->forward(batch_, *adapters_).sum()}, {},
                                          /*retain_graph=*/true, /*create_graph=*/true);
              }),
              HasSubstr("expected backward() without create_graph"));
}

TEST(Recomputed, GivesNothingWhereNothingLearns) {
  const auto x = at::ones({3});
  const auto y = recomputed(x, [](const at::Tensor& input) { return 2 * input; });
  const auto scale = at::ones({3}).requires_grad_();
  (y * scale).sum().backward();
  EXPECT_TRUE(at::equal(scale.grad(), 2 * x));
  const auto leaf = at::ones({3}).requires_grad_();
  recomputed(leaf, [](const at::Tensor& input) { return input.detach() * 2; }).sum().backward();
  EXPECT_FALSE(leaf.grad().defined() && leaf.grad().abs().max().item<double>() > 0);
}

TEST(Recomputed, LeavesTheGeneratorWhereItWasIfComputingAgainFails) {
  bool fails = false;
  const auto leaf = at::ones({3}).requires_grad_();
  const auto y = recomputed(leaf, [&](const at::Tensor& input) {
    const auto dropped = at::dropout(input, 0.5, /*train=*/true);
    TORCH_CHECK(!fails, "as this test wants it");
    return dropped;
  });
  fails = true;
  torch::manual_seed(5);
  const auto expected = at::rand({4});
  torch::manual_seed(5);
  EXPECT_THAT(torch_error_of([&] { y.sum().backward(); }), HasSubstr("as this test wants it"));
  EXPECT_TRUE(at::equal(at::rand({4}), expected));
}

}  // namespace checkpointing_test
}  // namespace madx

#include "madx/train/adamw.h"

#include <gmock/gmock.h>
#include <torch/optim/adamw.h>
#include <torch/serialize.h>

#include <sstream>

#include "../support.h"

namespace madx {
namespace adamw_test {

// AdapterDrop leaves tensors without a gradient in some steps; PyTorch's optimizer passes such a
// tensor over and counts, for its bias correction, the steps in which it took part.
TEST(AdamW, FollowsPyTorchsTrajectoryWhereTensorsAreSkipped) {
  torch::manual_seed(3);
  const auto start = std::vector<at::Tensor>{at::randn({3, 4}), at::randn({5, 2}), at::randn({6})};
  std::vector<at::Tensor> ours, theirs;
  for (const auto& tensor : start) {
    ours.push_back(tensor.clone().requires_grad_());
    theirs.push_back(tensor.clone().requires_grad_());
  }
  AdamW optimizer(ours, /*weight_decay=*/0.1);
  // Biases do not decay.
  std::vector<torch::optim::OptimizerParamGroup> groups;
  const auto options = [](double decay) {
    return std::make_unique<torch::optim::AdamWOptions>(
        torch::optim::AdamWOptions(0.01).weight_decay(decay));
  };
  groups.emplace_back(std::vector<at::Tensor>{theirs[0], theirs[1]}, options(0.1));
  groups.emplace_back(std::vector<at::Tensor>{theirs[2]}, options(0));
  torch::optim::AdamW reference(groups);

  const std::vector<std::vector<size_t>> with_gradient = {{0, 1, 2}, {0},    {0, 2}, {1}, {},
                                                          {0, 1, 2}, {1, 2}, {0},    {2}, {0, 1}};
  for (size_t step = 0; step < 30; ++step) {
    reference.zero_grad(/*set_to_none=*/true);
    for (const auto i : with_gradient[step % with_gradient.size()]) {
      const auto gradient = at::randn_like(ours[i].detach());
      ours[i].mutable_grad() = gradient.clone();
      theirs[i].mutable_grad() = gradient.clone();
    }
    optimizer.step_and_clear(0.01);
    reference.step();
    SCOPED_TRACE("step " + std::to_string(step));
    for (size_t i = 0; i < ours.size(); ++i)
      expect_close(ours[i].detach(), theirs[i].detach(), 1e-6, 1e-5);
  }
  EXPECT_EQ(optimizer.states()[0].steps.item<double>(), 18);
  EXPECT_EQ(optimizer.states()[1].steps.item<double>(), 15);
  EXPECT_EQ(optimizer.states()[2].steps.item<double>(), 15);
}

TEST(AdamW, HasTheFaceOfLibTorchsOptimizers) {
  torch::manual_seed(4);
  const auto start = at::randn({3, 4});
  auto ours = start.clone().requires_grad_(), theirs = start.clone().requires_grad_();
  const auto options = torch::optim::AdamWOptions(0.02).betas({0.8, 0.95}).weight_decay(0.05);
  AdamW optimizer({torch::optim::OptimizerParamGroup(
      {ours}, std::make_unique<torch::optim::AdamWOptions>(options))});
  torch::optim::AdamW reference({theirs}, options);
  const auto steps = [](torch::optim::Optimizer& any, at::Tensor& weight, int count) {
    for (int i = 0; i < count; ++i) {
      any.step([&] {
        any.zero_grad();
        const auto loss = (weight - 1).square().sum();
        loss.backward();
        return loss;
      });
    }
  };
  steps(optimizer, ours, 5);
  steps(reference, theirs, 5);
  expect_close(ours.detach(), theirs.detach(), 1e-6, 1e-5);

  std::stringstream file;
  torch::save(optimizer, file);
  auto copy = ours.detach().clone().requires_grad_();
  AdamW loaded({torch::optim::OptimizerParamGroup(
      {copy}, std::make_unique<torch::optim::AdamWOptions>(options))});
  torch::load(loaded, file);
  EXPECT_EQ(loaded.states()[0].steps.item<double>(), 5);
  steps(optimizer, ours, 3);
  steps(loaded, copy, 3);
  EXPECT_TRUE(at::equal(ours.detach(), copy.detach()));

  EXPECT_THAT(torch_error_of([&] {
                AdamW refused({torch::optim::OptimizerParamGroup(
                    {copy}, std::make_unique<torch::optim::AdamWOptions>(
                                torch::optim::AdamWOptions(options).amsgrad(true)))});
              }),
              testing::HasSubstr("expected amsgrad to be false"));
}

TEST(AdamW, KeepsTheStateOfATensorThatAFileHasNoneOf) {
  auto of_file = at::ones({2, 2}).requires_grad_(), unused = at::ones({2, 2}).requires_grad_();
  torch::optim::AdamW reference({of_file, unused}, torch::optim::AdamWOptions(0.1));
  of_file.mutable_grad() = at::ones({2, 2});
  reference.step();  // LibTorch makes a state at the first gradient
  std::stringstream file;
  torch::save(reference, file);

  auto first = at::ones({2, 2}).requires_grad_(), second = at::ones({2, 2}).requires_grad_();
  AdamW optimizer({first, second}, /*weight_decay=*/0);
  for (int i = 0; i < 3; ++i) {
    for (auto* tensor : {&first, &second}) tensor->mutable_grad() = at::ones({2, 2});
    optimizer.step_and_clear(0.1);
  }
  const auto moment = optimizer.states()[1].first_moment.clone();
  torch::load(optimizer, file);
  EXPECT_EQ(optimizer.states()[0].steps.item<double>(), 1);
  EXPECT_EQ(optimizer.states()[1].steps.item<double>(), 3);
  EXPECT_TRUE(at::equal(optimizer.states()[1].first_moment, moment));
}

TEST(AdamW, StepsWithoutAGradientAndWithGroupsThatAreAddedLater) {
  auto first = at::ones({2, 2}).requires_grad_(), second = at::ones({3}).requires_grad_();
  AdamW optimizer({first}, /*weight_decay=*/0);
  EXPECT_EQ(optimizer.gradient_norm(), 0);
  optimizer.step();
  EXPECT_TRUE(at::equal(first.detach(), at::ones({2, 2})));
  optimizer.add_param_group(torch::optim::OptimizerParamGroup({second}));
  second.mutable_grad() = at::ones({3});
  EXPECT_NEAR(optimizer.gradient_norm(), std::sqrt(3.0), 1e-6) << "before their first step";
  optimizer.step();
  EXPECT_LT(second.max().item<double>(), 1);
  ASSERT_EQ(optimizer.states().size(), 2u);
  EXPECT_EQ(optimizer.states()[1].steps.item<double>(), 1);
}

}  // namespace adamw_test
}  // namespace madx

#include "madx/train/adamw.h"

#include <torch/optim/adamw.h>

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
    optimizer.step(0.01);
    reference.step();
    SCOPED_TRACE("step " + std::to_string(step));
    for (size_t i = 0; i < ours.size(); ++i)
      expect_close(ours[i].detach(), theirs[i].detach(), 1e-6, 1e-5);
  }
  EXPECT_EQ(optimizer.states()[0].steps.item<double>(), 18);
  EXPECT_EQ(optimizer.states()[1].steps.item<double>(), 15);
  EXPECT_EQ(optimizer.states()[2].steps.item<double>(), 15);
}

}  // namespace adamw_test
}  // namespace madx

// The adapter sites in an encoder of one's own: any post-LayerNorm block calls site_forward where
// its sub-layer ends.
//
//   build/bin/own_encoder
#include <iostream>

#include "madx/madx.h"

/// A block without attention: LN(W x + x), with a site for adapters.
struct BlockImpl : torch::nn::Module {
  BlockImpl(int64_t hidden, int64_t index) : index(index) {
    linear = register_module("linear", torch::nn::Linear(hidden, hidden));
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden})));
    for (auto& weight : parameters()) weight.requires_grad_(false);
  }
  at::Tensor forward(const at::Tensor& x, const std::vector<madx::RowGroup>& groups) {
    const madx::FrozenLayerNorm closing{norm->weight, norm->bias};
    return madx::site_forward(index, madx::Site::kOutput, {linear->forward(x), x, closing}, groups);
  }
  int64_t index;
  torch::nn::Linear linear{nullptr};
  torch::nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(Block);

int main() {
  constexpr int64_t kHidden = 32, kLayers = 2, kRows = 6;
  torch::manual_seed(1);
  std::vector<Block> blocks;
  for (int64_t i = 0; i < kLayers; ++i) blocks.emplace_back(kHidden, i);
  madx::AdapterStack adapters(kHidden, kLayers);
  auto set = adapters->add("sw", madx::named_config("pfeiffer"));
  const auto plan = adapters->plan({"sw"});

  const auto encode = [&](const at::Tensor& rows) {
    auto x = rows;
    for (auto& block : blocks) x = block->forward(x, {{plan->only_path(), x.size(0), {0}}});
    return x;
  };
  madx::AdamW optimizer(set->parameters(), /*weight_decay=*/0.01, /*lr=*/1e-2);
  const auto rows = at::randn({kRows, kHidden}), wanted = at::randn({kRows, kHidden});
  for (int step = 0; step <= 100; ++step) {
    const auto loss = torch::nn::functional::mse_loss(encode(rows), wanted);
    if (step % 50 == 0) std::cout << "step " << step << ": " << loss.item<float>() << "\n";
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
}

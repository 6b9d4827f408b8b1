// autograd::grad by one input alone gives what backward() gives that input beside all others.
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <string>
#include <utility>

#include "../support.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "madx/ops/embedding.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/linear_cross_entropy.h"
#include "madx/ops/packed_attention.h"

namespace madx::ops {
namespace single_gradients_test {

using Tensors = std::vector<at::Tensor>;
using Op = std::function<at::Tensor(const Tensors&)>;

void expect_each_alone(const std::string& what, const Op& op,
                       const std::vector<std::vector<int64_t>>& shapes) {
  for (const auto type : {at::kFloat, at::kDouble}) {  // by kernels, and in the composite form
    torch::manual_seed(11);
    Tensors inputs;
    for (const auto& shape : shapes) inputs.push_back(at::randn(shape, type).requires_grad_());
    const auto all = [&] {
      const auto y = op(inputs);
      torch::manual_seed(12);
      return (y * at::randn(y.sizes(), y.options())).sum();
    };
    const auto together = torch::autograd::grad({all()}, inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      SCOPED_TRACE(what + ", input " + std::to_string(i) + ", " + toString(type));
      const auto alone = torch::autograd::grad({all()}, {inputs[i]});
      ASSERT_TRUE(alone[0].defined());
      EXPECT_GT(alone[0].abs().max().item<double>(), 0);
      expect_close(alone[0], together[i], 1e-5, 1e-5);
    }
  }
}

TEST(SingleGradients, OfASiteWithTwoAdapters) {
  const auto op = [](const Tensors& in) {
    const auto one = at::ones({12}, in[0].options()), zero = at::zeros({12}, in[0].options());
    return adapter_site_by_group(
        in[0], in[1], {one, zero, 1e-5}, /*dropout=*/0,
        {{9, {{in[2], in[3], in[4], in[5]}}},
         {11, {{in[2], in[3], in[4], in[5]}, {in[6], in[7], in[8], in[9]}}}});
  };
  expect_each_alone("adapter_site", op,
                    {{20, 12}, {20, 12}, {4, 12}, {4}, {12, 4}, {12}, {6, 12}, {6}, {12, 6}, {12}});
}

TEST(SingleGradients, OfACoupling) {
  for (const bool inverse : {false, true}) {
    const auto op = [&](const Tensors& in) {
      return coupling(in[0], {{20, {in[1], in[2], in[3], in[4]}, {in[5], in[6], in[7], in[8]}}},
                      Activation::kRelu, inverse);
    };
    expect_each_alone("coupling", op,
                      {{20, 12}, {4, 6}, {4}, {6, 4}, {6}, {4, 6}, {4}, {6, 4}, {6}});
  }
}

TEST(SingleGradients, OfALinearLayerAndAFeedForwardBlock) {
  expect_each_alone("frozen_linear",
                    [](const Tensors& in) {
                      return frozen_linear(in[0], {in[1], in[2]});
                    },
                    {{5, 12}, {8, 12}, {8}});
  expect_each_alone("feed_forward",
                    [](const Tensors& in) {
                      return feed_forward(in[0], {in[1], in[2]}, {in[3], in[4]});
                    },
                    {{5, 12}, {8, 12}, {8}, {12, 8}, {12}});
  expect_each_alone("frozen_linear that rounds",
                    [](const Tensors& in) {
                      const bool rounds = in[0].scalar_type() == at::kFloat;
                      return frozen_linear(in[0], {in[1], in[2], nullptr, 0, rounds});
                    },
                    {{5, 12}, {8, 12}, {8}});
}

TEST(SingleGradients, OfAttention) {
  expect_each_alone(
      "queries apart",
      [](const Tensors& in) {
        return packed_attention(in[0], in[1], {0, 1, 3}, {0, 2, 6}, /*heads=*/2, /*dropout=*/0);
      },
      {{3, 8}, {6, 16}});
}

TEST(SingleGradients, OfALossOverTheVocabulary) {
  const auto targets = at::arange(6, at::kLong);
  expect_each_alone(
      "linear_cross_entropy",
      [&](const Tensors& in) { return linear_cross_entropy(in[0], in[1], in[2], targets); },
      {{6, 8}, {30, 8}, {30}});
  expect_each_alone(
      "linear_cross_entropy of a frozen weight",
      [&](const Tensors& in) {
        torch::manual_seed(13);
        return linear_cross_entropy(in[0], at::randn({30, 8}, in[0].options()), in[1], targets);
      },
      {{6, 8}, {30}});
}

TEST(SingleGradients, OfEmbeddings) {
  const auto ids = at::arange(6, at::kLong);
  expect_each_alone("embed",
                    [&](const Tensors& in) {
                      return embed(ids, ids, {in[0], in[1], in[2]}, {in[3], in[4]}, 0);
                    },
                    {{9, 8}, {7, 8}, {1, 8}, {8}, {8}});
}

}  // namespace single_gradients_test
}  // namespace madx::ops

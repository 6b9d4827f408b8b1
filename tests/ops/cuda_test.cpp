// Ops on CUDA tensors, where the kernels are built and a device is there: the op that chooses by
// device against its plain form in double on the CPU, both passes.
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <functional>

#include "madx/cuda/device.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "madx/ops/packed_attention.h"

namespace madx::ops {
namespace cuda_test {

using Tensors = std::vector<at::Tensor>;
using Op = std::function<at::Tensor(const Tensors&)>;

class OnCuda : public testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no CUDA device";
    if (!cuda::available(0)) GTEST_SKIP() << "the CUDA kernels were not built";
    torch::manual_seed(4);
  }

  static Tensors run(const Op& op, const Tensors& inputs, const at::TensorOptions& options) {
    Tensors leaves;
    for (const auto& input : inputs) leaves.push_back(input.to(options).clone().requires_grad_());
    const auto y = op(leaves);
    torch::manual_seed(6);
    (y * at::randn(y.sizes(), at::kDouble).to(GetParam()).to(options)).sum().backward();
    Tensors results = {y.detach().cpu().to(at::kDouble)};
    for (const auto& leaf : leaves)
      if (leaf.grad().defined()) results.push_back(leaf.grad().cpu().to(at::kDouble));
    return results;
  }

  /// At most twice the error of the plain form in the type, on the device.
  static void expect_op(const Op& op, const Op& plain, Tensors inputs) {
    for (auto& input : inputs) input = input.to(GetParam()).to(at::kDouble);
    const auto device = at::device(at::kCUDA).dtype(GetParam());
    const auto exact = run(plain, inputs, at::device(at::kCPU).dtype(at::kDouble));
    const auto reference = run(plain, inputs, device), ours = run(op, inputs, device);
    const double rounding = GetParam() == at::kFloat  ? 0x1p-21
                            : GetParam() == at::kHalf ? 0x1p-11
                                                      : 0x1p-8;
    ASSERT_EQ(ours.size(), exact.size());
    for (size_t i = 0; i < exact.size(); ++i) {
      const auto error = [&](const at::Tensor& y) { return (y - exact[i]).norm().item<double>(); };
      EXPECT_TRUE(error(ours[i]) <=
                  2 * error(reference[i]) + rounding * exact[i].norm().item<double>())
          << "result " << i << ": error " << error(ours[i]) << ", plain " << error(reference[i]);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Types, OnCuda, testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                         [](const auto& info) { return std::string(toString(info.param)); });

at::Tensor random(at::IntArrayRef shape) {
  return at::randn(shape, at::kDouble) / std::sqrt(static_cast<double>(shape.back()));
}

TEST_P(OnCuda, AdapterSiteOfMixedLanguages) {
  // A fused site and, by its bottlenecks, one of plain GEMMs.
  for (const int64_t bottleneck : {48, 900}) {
    constexpr int64_t kHidden = 768;
    Tensors inputs = {random({100, kHidden}) * 27, random({100, kHidden}) * 27};
    for (int adapter = 0; adapter < 3; ++adapter) {
      for (const auto& weight : {random({bottleneck, kHidden}), random({bottleneck}),
                                 random({kHidden, bottleneck}), random({kHidden})})
        inputs.push_back(weight);
    }
    const auto groups = [](const Tensors& in) {
      const auto adapter = [&](size_t i) {
        const auto* part = &in[2 + 4 * i];
        return SiteAdapter{part[0], part[1], part[2], part[3]};
      };
      return std::vector<SiteGroup>{{37, {adapter(0), adapter(2)}}, {63, {adapter(1), adapter(2)}}};
    };
    const auto norm = [](const Tensors& in) {
      return FrozenLayerNorm{at::ones({kHidden}, in[0].options()),
                             at::zeros({kHidden}, in[0].options()), 1e-5};
    };
    expect_op(
        [&](const Tensors& in) {
          return adapter_site_by_group(in[0], in[1], norm(in), /*dropout=*/0, groups(in));
        },
        [&](const Tensors& in) {
          return adapter_site_composite(in[0], in[1], norm(in), /*dropout=*/0, groups(in));
        },
        inputs);
  }
}

TEST_P(OnCuda, Coupling) {
  Tensors inputs = {random({70, 768}) * 27};
  for (int net = 0; net < 2; ++net) {
    for (const auto& weight :
         {random({192, 384}), random({192}), random({384, 192}), random({384})})
      inputs.push_back(weight);
  }
  const auto groups = [](const Tensors& in) {
    return std::vector<CouplingGroup>{
        {70, {in[1], in[2], in[3], in[4]}, {in[5], in[6], in[7], in[8]}}};
  };
  for (const bool inverse : {false, true}) {
    expect_op(
        [&](const Tensors& in) { return coupling(in[0], groups(in), Activation::kRelu, inverse); },
        [&](const Tensors& in) {
          return coupling_composite(in[0], groups(in), Activation::kRelu, inverse);
        },
        inputs);
  }
}

TEST_P(OnCuda, PackedAttention) {
  const RowOffsets offsets = {0, 5, 10, 31};
  const auto op = [&](const Tensors& in) {
    return packed_attention(in[0], offsets, 4, /*dropout=*/0);
  };
  expect_op(op, op, {random({31, 3 * 64}) * 14});
}

}  // namespace cuda_test
}  // namespace madx::ops

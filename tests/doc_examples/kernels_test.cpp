// Kernels on plain arrays, for programs without tensors. CUDA's run under the emulation here.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "emulation/block.h"
#include "madx/core/philox.h"
#include "madx/cpu/adapter_site.h"
#include "madx/cpu/attention.h"
#include "madx/cpu/available.h"
#include "madx/cpu/bfloat16.h"
#include "madx/cpu/coupling.h"
#include "madx/cpu/embedding.h"
#include "madx/cpu/frozen_linear.h"
#include "madx/cpu/int8.h"
#include "madx/cpu/vocabulary_loss.h"
#include "madx/cuda/adapter_site.h"
#include "madx/cuda/coupling.h"
#include "madx/cuda/rates.h"
#include "madx/gemm/capability.h"

namespace madx {
namespace kernels_examples {

using Floats = std::vector<float>;
using gemm::Capability;

//! [philox]
/// Numbers that follow no pattern.
Floats numbers(int64_t size, float scale = 0.5F) {
  Floats values(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const PhiloxWords<uint64_t> draw(/*key=*/7, static_cast<uint64_t>(i), /*counter_high=*/0);
    values[static_cast<size_t>(i)] =
        scale * (static_cast<float>(draw.word[0]) / 4294967296.0F - 0.5F);
  }
  return values;
}
//! [philox]

constexpr int64_t kRows = 4, kHidden = 32, kInner = 64;

class KernelsExample : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::available()) GTEST_SKIP() << cpu::why_not_available();
  }
  static constexpr int kThreads = 1;
  const Floats x_ = numbers(kRows * kHidden), ones_ = Floats(kHidden, 1),
               zeros_ = Floats(kInner, 0);
};

TEST_F(KernelsExample, ASite) {
  const auto down = numbers(3 * kHidden), up = numbers(kHidden * 3);
  //! [site]
  cpu::SiteProblem problem;  // a madx::SiteProblem<float>
  problem.f = problem.a = x_.data();
  problem.norm_weight = ones_.data();
  problem.norm_bias = zeros_.data();
  problem.rows = kRows;
  problem.hidden = kHidden;
  problem.adapters = {SiteWeights<float>{down.data(), zeros_.data(), up.data(), zeros_.data(), 3}};
  problem.groups = {IndexedSiteGroup{/*first=*/0, kRows, /*adapters=*/{0}}};
  problem.products = gemm::Products::kVector;

  Floats z(kRows * 3), sum(kRows * kHidden), out(kRows * kHidden);
  const std::vector<cpu::SiteAdapterKept> kept = {{z.data(), sum.data()}};
  cpu::adapter_site_forward(problem, kept, kThreads, out.data());

  Floats d_down(3 * kHidden), d_down_bias(3), d_up(3 * kHidden), d_up_bias(kHidden);
  const std::vector<cpu::SiteAdapterGradient> gradients = {
      {d_down.data(), d_down_bias.data(), d_up.data(), d_up_bias.data()}};
  cpu::adapter_site_backward(problem, kept, /*out_gradient=*/x_.data(), kThreads,
                             /*f_gradient=*/nullptr, /*a_gradient=*/nullptr, gradients);
  //! [site]
  for (int64_t row = 0; row < kRows; ++row) {
    const auto* const begin = out.data() + row * kHidden;
    EXPECT_NEAR(std::accumulate(begin, begin + kHidden, 0.0F), 0, 1e-4) << "a LayerNorm's rows";
  }
  EXPECT_NE(d_up_bias, Floats(kHidden, 0));
}

TEST_F(KernelsExample, TheSameSiteOnAGpu) {
  const auto down = numbers(3 * kHidden), up = numbers(kHidden * 3);
  //! [cuda site]
  cuda::SiteProblem problem;  // all arrays on the device
  problem.type = cuda::Type::kFloat;
  problem.f = problem.a = x_.data();
  problem.norm_weight = ones_.data();
  problem.norm_bias = zeros_.data();
  problem.rows = kRows;
  problem.hidden = kHidden;
  problem.adapters = {{down.data(), zeros_.data(), up.data(), zeros_.data(), 3}};
  problem.groups = {{0, kRows, {0}}};
  const cuda::SiteKept nothing;  // no backward pass, whose cuda::SiteGradients then are not made
  Floats out(kRows * kHidden);
  cuda::adapter_site_forward(problem, nothing, out.data(), /*stream=*/nullptr);
  //! [cuda site]
  //! [same site]
  cpu::SiteProblem same;
  static_cast<madx::SiteProblem<float>&>(same) = {
      x_.data(),
      x_.data(),
      ones_.data(),
      zeros_.data(),
      1e-5,
      kRows,
      kHidden,
      /*dropout=*/0,
      /*seed=*/0,
      /*row_numbers=*/nullptr,
      {{down.data(), zeros_.data(), up.data(), zeros_.data(), 3}},
      {{0, kRows, {0}}}};
  Floats expected(kRows * kHidden);
  cpu::adapter_site_forward(same, {}, kThreads, expected.data());
  //! [same site]
  for (size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], expected[i], 1e-4);
  //! [cuda gradients]
  cuda::SiteGradients gradients;
  gradients.adapters = {{cuda::SiteAdapterBackward{}}};  // one that does not learn
  //! [cuda gradients]
  EXPECT_EQ(gradients.adapters[0][0].z_gradient, nullptr);
}

TEST_F(KernelsExample, ACouplingOnBoth) {
  const auto half = kHidden / 2;
  const auto down = numbers(2 * half), up = numbers(half * 2);
  //! [coupling]
  const cpu::CouplingNet net{down.data(), zeros_.data(), up.data(), zeros_.data(),
                             /*bottleneck=*/2};
  const cpu::CouplingProblem problem{x_.data(), kRows, kHidden, net, net, /*inverse=*/false};
  Floats y(kRows * kHidden);
  cpu::coupling(problem, kThreads, y.data());
  //! [coupling]
  //! [cuda coupling]
  const cuda::CouplingNet on_device{down.data(), zeros_.data(), up.data(), zeros_.data(), 2};
  cuda::CouplingProblem there;
  there.x = x_.data();
  Floats out(kRows * kHidden);
  there.out = out.data();
  there.rows = kRows;
  there.hidden = kHidden;
  there.groups = {cuda::CouplingGroup{kRows, on_device, on_device}};
  cuda::coupling(there, /*stream=*/nullptr);
  //! [cuda coupling]
  for (size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], y[i], 1e-4);
}

TEST_F(KernelsExample, Attention) {
  //! [attention]
  const std::vector<int64_t> offsets = {0, 1, kRows};
  const cpu::AttentionShape shape{offsets.data(), offsets.data(), /*sequences=*/2, /*heads=*/4,
                                  /*width=*/kHidden / 4};
  const cpu::ConstRows rows{x_.data(), kHidden};
  Floats out(kRows * kHidden);
  const cpu::AttentionInput input{shape, /*q=*/rows, /*k=*/rows, /*v=*/rows};  // no dropout
  cpu::attention_forward(input, kThreads, cpu::Rows{out.data(), kHidden});

  Floats dq(out.size()), dk(out.size()), dv(out.size());
  const cpu::AttentionGradients gradients{
      {dq.data(), kHidden}, {dk.data(), kHidden}, {dv.data(), kHidden}};
  cpu::attention_backward(input, /*out_gradient=*/rows, kThreads, gradients);
  //! [attention]
  EXPECT_NE(dv, Floats(out.size(), 0));
  for (int64_t i = 0; i < kHidden; ++i)
    EXPECT_NEAR(out[static_cast<size_t>(i)], x_[static_cast<size_t>(i)], 1e-5)
        << "a sequence of one";
}

TEST_F(KernelsExample, FrozenLayersInThreeTypes) {
  const auto first = numbers(kInner * kHidden), second = numbers(kHidden * kInner);
  //! [feed forward]
  const cpu::FeedForward layers{cpu::FrozenWeight{first.data(), zeros_.data(), kHidden, kInner},
                                cpu::FrozenWeight{second.data(), zeros_.data(), kInner, kHidden}};
  Floats y(kRows * kHidden);
  cpu::feed_forward_forward(layers, x_.data(), kRows, kThreads, /*kept=*/nullptr, y.data());
  //! [feed forward]
  const auto expect_near = [&](const Floats& other, float within) {
    for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(other[i], y[i], within);
  };
  ASSERT_NE(y, Floats(y.size(), 0));
  if (cpu::has_int8_products()) {
    //! [int8]
    std::vector<int8_t> one(first.size()), two(second.size());
    Floats one_scales(kInner), two_scales(kHidden);
    cpu::quantise(first.data(), kInner, kHidden, nullptr, 0,
                  cpu::Int8Panels{one.data(), one_scales.data()});
    cpu::quantise(second.data(), kHidden, kInner, nullptr, 0, {two.data(), two_scales.data()});
    const gemm::Int8Matrix none{};  // nothing goes back
    const cpu::FrozenInt8 in{{one.data(), 16 * kHidden, one_scales.data()},
                             none,
                             zeros_.data(),
                             kHidden,
                             kInner,
                             nullptr,
                             nullptr,
                             0,
                             0};
    const cpu::FrozenInt8 out{{two.data(), 16 * kInner, two_scales.data()},
                              none,
                              zeros_.data(),
                              kInner,
                              kHidden,
                              nullptr,
                              nullptr,
                              0,
                              0};
    Floats rounded(kRows * kHidden);
    cpu::feed_forward_forward(cpu::FeedForwardInt8{in, out}, x_.data(), kRows, kThreads, nullptr,
                              rounded.data());
    //! [int8]
    expect_near(rounded, 0.02F);
  }
  if (cpu::has_bfloat16_products()) {
    //! [bfloat16]
    const std::vector<cpu::Bfloat16> weight(first.size(), 0x3f80);  // ones
    std::vector<cpu::Bfloat16> panels(first.size());
    cpu::pack_transposed(weight.data(), kInner, kHidden, panels.data());
    const cpu::FrozenBfloat16 in{panels.data(), nullptr, 0, zeros_.data(), kHidden, kInner};
    const cpu::FeedForwardBfloat16 both{
        in, {panels.data(), nullptr, 0, zeros_.data(), kInner, kHidden}};
    Floats out(kRows * kHidden);
    cpu::feed_forward_forward(both, ones_.data(), 1, kThreads, nullptr, out.data());
    //! [bfloat16]
    EXPECT_NEAR(out[0], kInner * kHidden, 1);  // gelu(32) is 32
  }
}

TEST_F(KernelsExample, EmbeddingsAndTheVocabulary) {
  const auto table = numbers(6 * kHidden);
  //! [embed]
  const std::vector<int64_t> ids = {5, 0}, positions = {0, 1};
  const cpu::WordTable words{table.data(), nullptr, nullptr, nullptr};
  const cpu::EmbeddingInput input{
      ids.data(),   positions.data(), 2,    kHidden, words, table.data(), zeros_.data(),
      ones_.data(), zeros_.data(),    1e-5, 0,       0};
  Floats x(2 * kHidden);
  cpu::embed(input, kThreads, x.data());
  //! [embed]
  //! [vocabulary loss]
  const Floats bias(6, 0), nothing(6 * kHidden, 0);
  const cpu::VocabularyLossInput loss{x.data(), nothing.data(), bias.data(), ids.data(), 2, kHidden,
                                      6};
  Floats losses(2);
  cpu::vocabulary_loss(loss, kThreads, cpu::VocabularyLossOutput{losses.data(), nullptr, nullptr});
  //! [vocabulary loss]
  EXPECT_NEAR(losses[0], std::log(6.0), 1e-5) << "all sub-words alike";
  EXPECT_NE(x, Floats(x.size(), 0));
}

TEST_F(KernelsExample, WhatAGpuCouldDoAtBest) {
  //! [rates]
  const cuda::Rates rates{"a GPU", /*bytes_per_second=*/4.8e12, /*half_flops=*/9.9e14,
                          /*float_flops=*/6.7e13};  // of the device: cuda::device_rates()
  const auto seconds_of_a_site = 4.0 * 3 * kRows * kHidden / rates.bytes_per_second;
  //! [rates]
  EXPECT_GT(seconds_of_a_site, 0);
}

TEST_F(KernelsExample, WhatTheProcessorHas) {
  //! [capability]
  const Capability capability = gemm::capability();
  const char* name = gemm::name_of(capability);
  //! [capability]
  EXPECT_NE(std::string(name), "");
}

}  // namespace kernels_examples
}  // namespace madx

// What ops refuse, in words: kernels take pointers and sizes, and would read what is not there.
#include "madx/ops/checks.h"

#include <gmock/gmock.h>
#include <torch/utils.h>

#include <limits>

#include "../support.h"
#include "madx/models/tagging_head.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "madx/ops/embedding.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/linear_cross_entropy.h"
#include "madx/ops/packed_attention.h"
#include "madx/ops/sequences.h"

namespace madx::ops {
namespace checks_test {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kHidden = 12, kRows = 6;

const FrozenLayerNorm kNorm{at::ones({kHidden}), at::zeros({kHidden}), 1e-5};
const SiteAdapter kAdapter{at::ones({4, kHidden}), at::zeros({4}), at::ones({kHidden, 4}),
                           at::zeros({kHidden})};

at::Tensor rows(at::ScalarType type = at::kFloat) { return at::ones({kRows, kHidden}, type); }

std::vector<at::ScalarType> both_paths() { return {at::kFloat, at::kDouble}; }

TEST(PackedAttentionChecks, RefuseOffsetsThatDoNotBeginWith0OrFall) {
  const std::vector<RowOffsets> bad = {{}, {1, 6}, {-1, 6}, {0, 4, 2, 6}, {0, 9, 6}, {0, -2, 6}};
  for (const auto type : both_paths()) {
    const auto qkv = at::ones({kRows, 3 * kHidden}, type),
               kv = at::ones({kRows, 2 * kHidden}, type);
    for (const auto& offsets : bad) {
      const auto words = "packed_attention: expected offsets that begin with 0 and never fall";
      EXPECT_THAT(torch_error_of([&] { packed_attention(qkv, offsets, 3, 0); }), HasSubstr(words));
      if (offsets.empty()) continue;
      auto good = RowOffsets(offsets.size(), 0);
      good.back() = kRows;
      EXPECT_THAT(torch_error_of([&] { packed_attention(rows(type), kv, offsets, good, 3, 0); }),
                  HasSubstr(words));
      EXPECT_THAT(torch_error_of([&] { packed_attention(rows(type), kv, good, offsets, 3, 0); }),
                  HasSubstr(words));
    }
    EXPECT_THAT(torch_error_of([&] {
                  packed_attention(qkv, {0, 5}, 3, 0);
                }),
                HasSubstr("expected offsets that end at 6 rows, but they end at 5"));
  }
}

TEST(PackedAttentionChecks, RefuseHeadsDropoutAndKindsThatDoNotFit) {
  const auto qkv = at::ones({kRows, 3 * kHidden}), kv = at::ones({kRows, 2 * kHidden});
  const RowOffsets offsets{0, kRows};
  EXPECT_THAT(torch_error_of([&] { packed_attention(qkv, offsets, 0, 0); }),
              HasSubstr("at least one head, but got"));
  EXPECT_THAT(torch_error_of([&] { packed_attention(qkv, offsets, 5, 0); }),
              HasSubstr("expected columns for three times 5 heads"));
  EXPECT_THAT(torch_error_of([&] { packed_attention(qkv[0], offsets, 3, 0); }),
              HasSubstr("of two dimensions"));
  for (const double dropout : {1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(
        torch_error_of([&] { packed_attention(qkv, offsets, 3, dropout); }),
        HasSubstr("packed_attention: expected a dropout of 0 or more and below 1, but got"));
  }
  EXPECT_THAT(
      torch_error_of([&] { packed_attention(rows(at::kDouble), kv, offsets, offsets, 3, 0); }),
      HasSubstr("packed_attention: expected tensors of one type on one device, but got "
                "Double on cpu and Float on cpu"));
  EXPECT_THAT(
      torch_error_of([&] { packed_attention(rows(), kv.to(at::kMeta), offsets, offsets, 3, 0); }),
      HasSubstr("Float on cpu and Float on meta"));
}

TEST(PackedAttentionChecks, SequencesWithoutRowsAreAllRight) {
  for (const auto type : both_paths()) {
    const auto qkv = at::randn({kRows, 3 * kHidden}, type);
    expect_close(packed_attention(qkv, {0, 0, 4, 4, 6, 6}, 3, 0),
                 packed_attention(qkv, {0, 4, 6}, 3, 0), 1e-6);
    EXPECT_EQ(packed_attention(qkv.narrow(0, 0, 0), {0}, 3, 0).sizes(),
              (std::vector<int64_t>{0, kHidden}));
    EXPECT_EQ(packed_attention(qkv.narrow(0, 0, 0), {0, 0, 0}, 3, 0).size(0), 0);
  }
}

TEST(RowOffsetsChecks, RefuseRowsThatAreNotTheirs) {
  EXPECT_THAT(torch_error_of([] { sequence_of_rows({}, at::kCPU); }),
              HasSubstr("sequence_of_rows: expected offsets that begin with 0 and never fall"));
  EXPECT_THAT(torch_error_of([] {
                sequence_means(rows(), {0, 4});
              }),
              HasSubstr("sequence_means: expected x of shape (rows, columns) with the 4 rows"));
  EXPECT_THAT(torch_error_of([] {
                stochastic_depth(rows(), {0, 7}, 0.5);
              }),
              HasSubstr("stochastic_depth: expected x of shape (rows, columns) with the 7 rows"));
  EXPECT_THAT(torch_error_of([] {
                stochastic_depth(rows(), {0, 6}, 1.5);
              }),
              HasSubstr("stochastic_depth: expected a probability, but got 1.5"));
}

TEST(LinearCrossEntropyChecks, RefuseATargetThatIsNoRowOfTheWeight) {
  for (const auto type : both_paths()) {
    for (const bool learns : {false, true}) {
      const auto weight = at::randn({20, kHidden}, type);
      const auto bias = at::zeros({20}, type).requires_grad_(learns);
      for (const int64_t bad : {int64_t{20}, int64_t{-1}, int64_t{-100}}) {
        auto targets = at::zeros({kRows}, at::kLong);
        targets[2] = bad;
        EXPECT_THAT(
            torch_error_of([&] { linear_cross_entropy(rows(type), weight, bias, targets); }),
            AllOf(HasSubstr("linear_cross_entropy: expected targets in [0, 20), but got"),
                  HasSubstr(std::to_string(bad))));
      }
    }
  }
}

TEST(LinearCrossEntropyChecks, RefuseOtherKinds) {
  const auto weight = at::randn({20, kHidden}), bias = at::zeros({20});
  const auto targets = at::zeros({kRows}, at::kLong);
  EXPECT_THAT(
      torch_error_of([&] { linear_cross_entropy(rows(), weight, bias, targets.to(at::kInt)); }),
      HasSubstr("linear_cross_entropy: expected targets of int64, but got Int"));
  EXPECT_THAT(
      torch_error_of([&] { linear_cross_entropy(rows(), weight, bias.to(at::kDouble), targets); }),
      HasSubstr("expected tensors of one type on one device"));
  EXPECT_THAT(
      torch_error_of([&] { linear_cross_entropy(rows(), weight.to(at::kMeta), bias, targets); }),
      HasSubstr("expected weight and targets on cpu, but got meta and cpu"));
  EXPECT_THAT(torch_error_of([&] {
                linear_cross_entropy(rows().narrow(0, 0, 0), weight, bias, targets.narrow(0, 0, 0));
              }),
              HasSubstr("with at least one row"));
}

TEST(LinearCrossEntropyChecks, ABiasOfMinusInfinityRulesAWordOutOnEveryPath) {
  torch::manual_seed(2);
  for (const auto type : both_paths()) {
    const auto x = at::randn({kRows, kHidden}, type).requires_grad_();
    const auto weight = at::randn({9000, kHidden}, type);
    auto bias = at::zeros({9000}, type);
    bias.narrow(0, 0, 5000).fill_(-std::numeric_limits<double>::infinity());  // a chunk and more
    const auto targets = at::full({kRows}, 8000, at::kLong);
    const auto loss = linear_cross_entropy(x, weight, bias, targets);
    const auto wanted = at::cross_entropy_loss(at::linear(x, weight, bias), targets);
    expect_close(loss, wanted, 1e-4);
    loss.backward();
    EXPECT_TRUE(x.grad().isfinite().all().item<bool>());
  }
}

TEST(TaggingHeadChecks, RefuseATargetThatIsNoLabelAndNoWords) {
  TaggingHead head(TaggingHeadOptions(kHidden, {"O", "B-PER", "I-PER"}));
  const auto targets = [](int64_t last) {
    auto all = at::zeros({kRows}, at::kLong);
    all[kRows - 1] = last;
    return all;
  };
  EXPECT_EQ(torch_error_of([&] { head->loss(rows(), targets(2)); }), "");
  EXPECT_THAT(torch_error_of([&] { head->loss(rows(), targets(3)); }),
              HasSubstr("TaggingHead: expected targets in [0, 3), but got 0 to 3"));
  EXPECT_THAT(torch_error_of([&] { head->loss(rows(), targets(-1)); }),
              HasSubstr("TaggingHead: expected targets in [0, 3), but got -1 to 0"));
  EXPECT_THAT(torch_error_of([&] { head->loss(rows(), targets(0).narrow(0, 0, 5)); }),
              HasSubstr("a target each, but got [6, 12] and [5]"));
  EXPECT_THAT(
      torch_error_of([&] { head->loss(rows().narrow(0, 0, 0), targets(0).narrow(0, 0, 0)); }),
      HasSubstr("of at least one word"));
}

TEST(FrozenLayerChecks, RefuseRowsOfAnotherKind) {
  const FrozenLinear layer{at::ones({kHidden, kHidden}), at::zeros({kHidden})};
  const auto words = "expected tensors of one type on one device, but got Double on cpu and Float";
  EXPECT_THAT(torch_error_of([&] { frozen_linear(rows(at::kDouble), layer); }),
              HasSubstr(std::string("frozen_linear: ") + words));
  EXPECT_THAT(torch_error_of([&] { feed_forward(rows(at::kDouble), layer, layer); }),
              HasSubstr(std::string("feed_forward: ") + words));
  EXPECT_THAT(torch_error_of([&] { frozen_linear(at::ones({}), layer); }),
              HasSubstr("frozen_linear: expected rows"));
  EXPECT_THAT(torch_error_of([&] {
                frozen_linear(rows(), FrozenLinear{{}, layer.bias});
              }),
              HasSubstr("expected a weight, packed or as a tensor, but got neither"));
}

TEST(FrozenLayerChecks, AWeightThatLearnsGetsItsGradient) {
  const FrozenLinear layer{at::ones({kHidden, kHidden}).requires_grad_(), at::zeros({kHidden})};
  feed_forward(rows(), layer, layer).sum().backward();
  EXPECT_TRUE(layer.weight.grad().defined());
}

TEST(AdapterSiteChecks, RefuseOtherKindsAndDropouts) {
  const auto words = "adapter_site: expected tensors of one type on one device";
  EXPECT_THAT(torch_error_of([&] { adapter_site(rows(), rows(at::kDouble), kNorm, 0, {}); }),
              HasSubstr(words));
  EXPECT_THAT(
      torch_error_of([&] { adapter_site(rows(at::kDouble), rows(at::kDouble), kNorm, 0, {}); }),
      HasSubstr(words));
  auto adapter = kAdapter;
  adapter.up = adapter.up.to(at::kDouble);
  EXPECT_THAT(torch_error_of([&] { adapter_site(rows(), rows(), kNorm, 0, {adapter}); }),
              HasSubstr(words));
  EXPECT_THAT(torch_error_of([&] { adapter_site(rows(), rows(), kNorm, 1.0, {}); }),
              HasSubstr("adapter_site: expected a dropout of 0 or more and below 1, but got 1"));
}

TEST(AdapterSiteChecks, ALayerNormThatLearnsInPartGetsItsGradient) {
  for (const bool weight : {false, true}) {
    FrozenLayerNorm norm{at::ones({kHidden}), at::zeros({kHidden}), 1e-5};
    (weight ? norm.weight : norm.bias).requires_grad_();
    adapter_site(at::randn({kRows, kHidden}), rows(), norm, 0, {kAdapter}).pow(3).sum().backward();
    EXPECT_TRUE((weight ? norm.weight : norm.bias).grad().defined());
  }
}

TEST(AdapterSiteChecks, ALayerNormThatIsNotDenseIsReadAsItIs) {
  torch::manual_seed(6);
  const auto pairs = at::randn({kHidden, 2});
  const FrozenLayerNorm norm{pairs.select(1, 0), pairs.select(1, 1), 1e-5};
  const auto x = at::randn({kRows, kHidden});
  expect_close(adapter_site(x, x, norm, 0, {}), norm(x + x), 1e-5);
}

TEST(CouplingChecks, RefuseOtherKindsAndGroupsThatAreNone) {
  const auto net = [](at::ScalarType type) {
    return CouplingNet{at::ones({3, 6}, type), at::ones({3}, type), at::ones({6, 3}, type),
                       at::ones({6}, type)};
  };
  const auto run = [&](int64_t count, at::ScalarType type) {
    return torch_error_of([&] {
      coupling(rows(), {{count, net(type), net(type)}, {kRows - count, net(type), net(type)}},
               Activation::kRelu, false);
    });
  };
  EXPECT_EQ(run(2, at::kFloat), "");
  EXPECT_THAT(run(2, at::kDouble), HasSubstr("coupling: expected tensors of one type"));
  EXPECT_THAT(run(-2, at::kFloat),
              HasSubstr("coupling: expected groups of 0 rows or more, but got -2"));
  EXPECT_THAT(
      torch_error_of([] { coupling(rows().narrow(0, 0, 0), {}, Activation::kRelu, false); }),
      HasSubstr("coupling: expected groups of 0 rows together"));
}

TEST(EmbedChecks, RefuseNumbersAndTablesThatDoNotFit) {
  for (const auto type : both_paths()) {
    const EmbeddingTables tables{at::ones({30, kHidden}, type), at::ones({9, kHidden}, type),
                                 at::ones({1, kHidden}, type)};
    const FrozenLayerNorm norm{at::ones({kHidden}, type), at::zeros({kHidden}, type), 1e-5};
    const auto ids = at::arange(4, at::kLong);
    const auto error = [&](const at::Tensor& numbers, const at::Tensor& places,
                           const EmbeddingTables& from, double dropout) {
      return torch_error_of([&] { embed(numbers, places, from, norm, dropout); });
    };
    EXPECT_EQ(error(ids, ids, tables, 0.5), "");
    EXPECT_THAT(error(ids + 27, ids, tables, 0),
                HasSubstr("embed: expected ids in [0, 30), but got 27 to 30"));
    EXPECT_THAT(error(ids, ids - 1, tables, 0),
                HasSubstr("embed: expected positions in [0, 9), but got -1 to 2"));
    EXPECT_THAT(error(ids.to(at::kInt), ids.to(at::kInt), tables, 0),
                HasSubstr("embed: expected ids of int64, but got Int"));
    EXPECT_THAT(error(ids, ids, tables, 1), HasSubstr("embed: expected a dropout"));
    auto narrow = tables;
    narrow.positions = at::ones({9, kHidden - 1}, type);
    EXPECT_THAT(error(ids, ids, narrow, 0), HasSubstr("of one width, but got [30, 12], [9, 11]"));
    narrow = tables;
    narrow.types = at::ones({0, kHidden}, type);
    EXPECT_THAT(error(ids, ids, narrow, 0), HasSubstr("of one width"));
    EXPECT_EQ(embed(ids.narrow(0, 0, 0), ids.narrow(0, 0, 0), tables, norm, 0).size(0), 0);
  }
}

}  // namespace checks_test
}  // namespace madx::ops

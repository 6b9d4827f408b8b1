// Operators on tensors: what modules are made of, for encoders and adapters of one's own.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "madx/madx.h"
#include "madx/ops/batch_part.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/embedding.h"
#include "madx/ops/int8_weight.h"
#include "madx/ops/random_seed.h"

namespace madx::ops {
namespace ops_examples {

TEST(OpsExample, ASiteIsOneCall) {
  torch::manual_seed(1);
  //! [adapter site]
  const auto adapter = [] {  // bottleneck 3, hidden size 8
    return SiteAdapter{at::randn({3, 8}), at::zeros({3}), at::randn({8, 3}), at::zeros({8})};
  };
  const SiteAdapter en = adapter(), sw = adapter(), ner = adapter();
  const FrozenLayerNorm norm{at::ones({8}), at::zeros({8})};
  const auto f = at::randn({5, 8}), a = at::randn({5, 8});
  const std::vector<SiteGroup> groups = {{2, {en, ner}}, {3, {sw, ner}}};  // rows of two languages
  const auto out = adapter_site_by_group(f, a, norm, /*dropout=*/0, groups);
  //! [adapter site]
  const auto alone = adapter_site(f.narrow(0, 0, 2), a.narrow(0, 0, 2), norm, 0, {en, ner});
  EXPECT_TRUE(at::allclose(out.narrow(0, 0, 2), alone, 1e-4, 1e-5));
}

TEST(OpsExample, APartOfABatchHasTheDropoutOfTheWhole) {
  //! [part rows]
  const auto x = at::ones({6, 8});
  torch::manual_seed(1);
  const auto whole = dropout(x, 0.5);
  torch::manual_seed(1);
  const PartRows rows{at::tensor({1, 4}, at::kLong), /*whole_rows=*/6};
  const PartScope scope(&rows);
  const auto part = dropout(x.narrow(0, 0, 2), 0.5);  // of rows 1 and 4
  //! [part rows]
  EXPECT_TRUE(at::equal(part[0] == 0, whole[1] == 0) && at::equal(part[1] == 0, whole[4] == 0));
}

TEST(OpsExample, ACouplingHasAnInverse) {
  torch::manual_seed(1);
  //! [coupling]
  const auto net = [] {
    return CouplingNet{at::randn({2, 4}), at::zeros({2}), at::randn({4, 2}), at::zeros({4})};
  };
  const std::vector<CouplingGroup> groups = {{3, net(), net()}};
  const auto x = at::randn({3, 8});
  const auto y = coupling(x, groups, Activation::kRelu, /*inverse=*/false);
  const auto back = coupling(y, groups, Activation::kRelu, /*inverse=*/true);
  //! [coupling]
  EXPECT_TRUE(at::allclose(back, x, 1e-4, 1e-5));
  EXPECT_EQ(parse_activation("relu"), Activation::kRelu);
}

TEST(OpsExample, FrozenLayersMayBePacked) {
  torch::manual_seed(1);
  const auto x = at::randn({4, 32});
  //! [frozen linear]
  const auto weight = at::randn({64, 32}) / 6, bias = at::randn({64});
  const FrozenLinear plain{weight, bias};
  const auto y = frozen_linear(x, plain);  // (4, 64)

  const auto in_int8 = std::make_shared<Int8Weight>(weight);
  const FrozenLinear packed{at::Tensor(), bias, in_int8};
  const bool runs_here = in_int8->why_not_here() == nullptr;
  //! [frozen linear]
  EXPECT_TRUE(at::allclose(y, at::linear(x, weight, bias), 1e-4, 1e-5));
  if (runs_here) {
    EXPECT_LT((frozen_linear(x, packed) - y).abs().max().item<double>(), 0.1);
  }
  //! [packed weight]
  const std::shared_ptr<const PackedWeight> rounded = std::make_shared<Bfloat16Weight>(weight);
  const PackedPart part{rounded, bias.narrow(0, 32, 32), /*first=*/32};  // its upper outputs
  const KernelWeight<Int8Weight>& kernels = *in_int8;                    // what calls madx/cpu
  //! [packed weight]
  EXPECT_TRUE(at::equal(rounded->unpacked(), weight.to(at::kBFloat16)));
  EXPECT_EQ(part.out(), 32);
  EXPECT_EQ(kernels.granule(), 16);
}

TEST(OpsExample, EmbeddingsAreASum) {
  torch::manual_seed(1);
  //! [embedding]
  const auto table = at::randn({40, 8});
  const Int8Rows words = quantise_rows(table, [](const at::Tensor&) {});
  const EmbeddingTables tables{words.rows, at::randn({20, 8}), at::randn({1, 8}), words.scales};
  const FrozenLayerNorm norm{at::ones({8}), at::zeros({8})};
  const auto ids = at::tensor({5, 6}, at::kLong), positions = at::tensor({2, 3}, at::kLong);
  const auto x = embed(ids, positions, tables, norm, /*dropout=*/0);  // (2, hidden)
  //! [embedding]
  EXPECT_EQ(x.sizes(), at::IntArrayRef({2, 8}));
  EXPECT_TRUE(at::allclose(tables.words_of(ids), table.index_select(0, ids), 0, 0.02));
}

TEST(OpsExample, ASeedMayBeForAWhile) {
  torch::manual_seed(1);
  const auto expected = at::rand({2});
  torch::manual_seed(1);
  {
    //! [seed]
    const TemporarySeed seed(7);  // until the end of the block
    at::rand({3});
    //! [seed]
  }
  EXPECT_TRUE(at::equal(at::rand({2}), expected));
}

}  // namespace ops_examples
}  // namespace madx::ops

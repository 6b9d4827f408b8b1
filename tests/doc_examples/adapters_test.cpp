// Adapters, the bank, compositions, plans, and the sites at which they act.
#include <gtest/gtest.h>
#include <torch/serialize.h>
#include <torch/utils.h>

#include <sstream>

#include "madx/madx.h"

namespace madx {
namespace adapters_examples {

constexpr int64_t kHidden = 12, kLayers = 2;

/// A bank for an encoder of two layers, with a language, two tasks and a fusion of the tasks.
AdapterStack small_bank() {
  torch::manual_seed(1);
  //! [bank]
  AdapterStack adapters(kHidden, kLayers);
  adapters->add("sw", named_config("pfeiffer+inv"));
  adapters->add("ner", named_config("pfeiffer"));
  adapters->add("pos", named_config("pfeiffer"));
  adapters->add_fusion(Fuse{"ner", "pos"});

  const auto plan = adapters->plan({"sw", "ner"});  // a value, for any number of threads
  adapters->activate({"sw", "ner"});                // or the one plan that the bank keeps
  //! [bank]
  EXPECT_EQ(plan->composition(), adapters->composition());
  return adapters;
}

//! [site input]
/// What arrives at a site of five rows.
struct Block {
  at::Tensor f = at::randn({5, kHidden}), a = at::randn({5, kHidden});
  FrozenLayerNorm norm{at::ones({kHidden}), at::zeros({kHidden})};
  RowOffsets sequences{0, 2, 5};
  SiteInput input() const { return {f, a, norm, /*dropout=*/0, &sequences}; }
};
//! [site input]

TEST(AdaptersExample, OneAdapterAtOneSite) {
  torch::manual_seed(1);
  //! [adapter]
  BottleneckConfig config = named_config("pfeiffer");
  config.residual_before_ln = ResidualSource::kBeforeLayerNorm;
  config.scaling_kind = ScalingKind::kFixed;
  Adapter adapter(AdapterOptions(/*hidden_size=*/kHidden, /*bottleneck_size=*/4).config(config));

  const Block block;
  const AdapterImpl::Input input = adapter->read(block.f, block.input());
  const auto y = adapter->forward(input);             // (rows, hidden)
  const auto out = adapter->close(y, block.input());  // LN(y + a)
  const std::shared_ptr<AdapterImpl> module = adapter.ptr();
  //! [adapter]
  EXPECT_TRUE(at::allclose(out, block.norm(y + block.a)));
  EXPECT_EQ(module->weights().down.sizes(), at::IntArrayRef({4, kHidden}));
}

TEST(AdaptersExample, ASetIsOneAdapterASite) {
  //! [set]
  AdapterSet language(AdapterSetOptions(named_config("pfeiffer+inv"), kHidden, kLayers));
  const AdapterImpl* top = language->at(/*layer=*/1, Site::kOutput);
  const AdapterImpl* none =
      language->at(/*layer=*/1, Site::kAttentionOutput);  // Pfeiffer's has none
  //! [set]
  EXPECT_NE(top, nullptr);
  EXPECT_EQ(none, nullptr);
  const std::shared_ptr<AdapterSetImpl> module = language.ptr();
  EXPECT_NE(module->invertible(), nullptr);
}

TEST(AdaptersExample, AnInvertibleAdapterComesBack) {
  torch::manual_seed(1);
  //! [invertible]
  InvertibleAdapter invertible(InvertibleAdapterOptions(kHidden).reduction_factor(2));
  const auto x = at::randn({3, kHidden});
  const auto back = invertible->inverse(invertible->forward(x));  // x, to rounding
  //! [invertible]
  EXPECT_TRUE(at::allclose(back, x, 1e-5, 1e-6));
  const std::shared_ptr<InvertibleAdapterImpl> module = invertible.ptr();
  EXPECT_FALSE(at::allclose(module->forward(x), x, 1e-5, 1e-6));
}

TEST(AdaptersExample, FusionsAttendToTheirMembers) {
  torch::manual_seed(1);
  //! [fusion]
  const FusionConfig config = named_fusion_config("dynamic");
  FusionLayer layer(FusionLayerOptions(kHidden).config(config));
  const auto x = at::randn({3, kHidden}), residual = at::randn({3, kHidden});
  const std::vector<at::Tensor> outputs = {at::randn({3, kHidden}), at::randn({3, kHidden})};
  const auto shares = layer->attention(x, outputs, residual);  // (rows, members)

  AdapterFusion fusion(AdapterFusionOptions(config, kHidden, kLayers).members({"ner", "pos"}));
  const FusionLayerImpl* of_top = fusion->at(/*layer=*/1, Site::kOutput);
  //! [fusion]
  EXPECT_TRUE(at::allclose(shares.sum(1), at::ones({3})));
  EXPECT_NE(of_top, nullptr);
  const std::shared_ptr<AdapterFusionImpl> module = fusion.ptr();
  EXPECT_EQ(module->options.members().size(), 2u);
}

TEST(AdaptersExample, CompositionsAreValuesAndText) {
  //! [composition]
  const Composition stack = Stack{"sw", "ner"};
  const Composition fuse = Stack{"sw", Fuse{"ner", "pos"}};
  const Composition mean = Average({"sw", "en"}, {0.7, 0.3});
  const Composition split = BatchSplit({Stack{"en", "ner"}, Stack{"sw", "ner"}}, {4, 4});
  const Composition both = Parallel{Stack{"sw", "ner"}, Stack{"sw", "pos"}};
  const Composition text = parse_composition("Stack(sw, Fuse(ner, pos))");
  const bool is_stack = text.kind == Composition::Kind::kStack;
  //! [composition]
  EXPECT_TRUE(is_stack);
  EXPECT_EQ(text, fuse);
  EXPECT_EQ(to_string(stack), "Stack(sw, ner)");
  EXPECT_EQ(mean.kind, Composition::Kind::kAverage);
  EXPECT_EQ(split.batch_sizes, std::vector<int64_t>({4, 4}));
  EXPECT_EQ(adapter_names(both), std::vector<std::string>({"sw", "ner", "pos"}));
}

TEST(AdaptersExample, APlanSendsSequencesTheirWay) {
  const auto adapters = small_bank();
  //! [plan]
  const PlanOptions options =
      PlanOptions().stack_rule(StackRule::kAdapterHub).skipped_layers({0}).invertible(false);
  const std::shared_ptr<const Plan> plan = adapters->plan({"sw", Fuse{"ner", "pos"}}, options);

  const Routing routing = plan->route(/*sequences=*/2, /*languages=*/{});
  const Path& path = *routing.paths[routing.path_of[0]];
  const SitePlan& top = path.at(/*layer=*/1, Site::kOutput);  // what runs there, bottom first
  const SiteStep& last = top.steps.back();
  const bool is_fusion = last.kind == SiteStep::Kind::kFuse;
  //! [plan]
  EXPECT_EQ(top.steps.size(), 2u);
  EXPECT_TRUE(is_fusion);
  EXPECT_TRUE(path.at(0, Site::kOutput).steps.empty());
  EXPECT_EQ(path.invertible, nullptr);
}

TEST(AdaptersExample, AnySiteCallsSiteForward) {
  const auto adapters = small_bank();
  //! [site]
  const Block block;
  const std::vector<RowGroup> groups = {{adapters->active_plan()->only_path(), 5, {0, 2, 5}}};
  const auto out = site_forward(/*layer=*/0, Site::kOutput, block.input(), groups);
  //! [site]
  EXPECT_TRUE(at::allclose(out, adapters->forward(0, Site::kOutput, block.input())));
  EXPECT_FALSE(at::allclose(out, block.norm(block.f + block.a)));
}

TEST(AdaptersExample, ABankIsAModule) {
  const auto adapters = small_bank();
  //! [bank module]
  std::stringstream file;
  torch::save(adapters, file);
  AdapterStack loaded(kHidden, kLayers);
  torch::load(loaded, file);  // adapters, fusions, and what is active
  //! [bank module]
  EXPECT_EQ(loaded->names(), adapters->names());
  EXPECT_EQ(loaded->composition(), adapters->composition());
  //! [bank struct]
  const Bank bank{kHidden, kLayers, {{"sw", loaded->get("sw")}}};  // what a plan is made of
  const Plan plan(bank, {"sw"});
  //! [bank struct]
  EXPECT_TRUE(at::allclose(plan.invertible()->forward(at::ones({1, kHidden})),
                           adapters->invertible()->forward(at::ones({1, kHidden}))));
  const std::shared_ptr<AdapterStackImpl> module = loaded.ptr();
  EXPECT_EQ(module->fusion_names(), std::vector<std::string>({"ner,pos"}));
}

}  // namespace adapters_examples
}  // namespace madx

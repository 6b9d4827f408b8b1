// Compositions in the bank: what they compute, what they refuse, and what switching costs.
#include <c10/core/CPUAllocator.h>
#include <gmock/gmock.h>
#include <torch/utils.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "../support.h"
#include "madx/adapters/adapter_stack.h"

namespace {

std::atomic<int64_t> allocations{0};

}  // namespace

// Every allocation of this program is counted. Not inline, or GCC would see free() meet new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace madx {
namespace composed_stack_test {

using testing::ElementsAre;
using testing::HasSubstr;

/// A bank for two layers of hidden size 6, and what arrives at a site: two sequences of 3 and 4
/// rows.
class ComposedStackTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(21);
    f_ = at::randn({7, 6});
    a_ = at::randn({7, 6});
    norm_ = {at::rand({6}) + 0.5, at::randn({6}), 1e-5};
    for (const std::string name : {"en", "sw"}) add(name, named_config("pfeiffer+inv"));
    for (const std::string name : {"ner", "pos", "dep"}) add(name, named_config("pfeiffer"));
    adapters_->eval();
  }

  AdapterSet add(const std::string& name, BottleneckConfig config) {
    config.reduction_factor = 2;
    const at::NoGradGuard no_grad;
    auto set = adapters_->add(name, config);
    for (auto& weight : set->parameters()) weight.normal_(0, 0.3);
    return set;
  }
  void add_fusion(const Fuse& fuse) {
    const at::NoGradGuard no_grad;
    auto fusion = adapters_->add_fusion(fuse);
    for (auto& weight : fusion->parameters()) weight.normal_(0, 0.3);
    fusion->eval();
  }

  at::Tensor output(const Composition& composition, int64_t layer = 0, Site site = Site::kOutput) {
    const at::NoGradGuard no_grad;
    adapters_->activate(composition);
    return adapters_->forward(layer, site, {f_, a_, norm_, 0, &sequences_});
  }
  /// U act(D x) of an adapter of layer 0.
  at::Tensor up(const std::string& name, const at::Tensor& x) {
    return adapters_->get(name)->at(0, Site::kOutput)->up({x, {}, &sequences_}).detach();
  }

  AdapterStack adapters_{/*hidden_size=*/6, /*num_layers=*/2};
  at::Tensor f_, a_;
  FrozenLayerNorm norm_;
  RowOffsets sequences_{0, 3, 7};
};

TEST_F(ComposedStackTest, AveragesAsItSaysOrAsAdapterHubDoes) {
  const auto x = norm_(f_ + a_);
  const auto mean = f_ + 0.25 * up("ner", x) + 0.75 * up("pos", x);
  const auto average = Average({"ner", "pos"}, {1, 3});
  expect_close(output(average.as_adapterhub()), norm_(mean / 2 + a_), 1e-5);
  expect_close(output(average), norm_(mean + a_), 1e-5);
  const auto same = Average({"ner", "ner"});
  expect_close(output(same), output("ner"), 1e-5);
  const auto stacks = Average({Stack{"en", "ner"}, Stack{"en", "ner"}});
  expect_close(output(stacks), output({"en", "ner"}), 1e-5);
}

TEST_F(ComposedStackTest, PassesOverWhatIsLeftOutOfABlock) {
  auto config = named_config("pfeiffer");
  config.leave_out = {0};
  add("top", config);
  add_fusion({"ner", "top"});
  add_fusion({"ner"});
  const auto x = norm_(f_ + a_);
  const auto average = Average({"ner", "top"});
  expect_close(output(average), norm_(f_ + 0.5 * up("ner", x) + a_), 1e-5);
  EXPECT_NO_THROW(output(Fuse{"ner", "top"}));
  EXPECT_FALSE(at::equal(output(Fuse{"ner", "top"}), output("ner")));
  expect_close(output(Fuse{"ner", "top"}, 0, Site::kAttentionOutput), norm_(f_ + a_), 1e-6);
}

TEST_F(ComposedStackTest, FollowsThePapersStackEquationWhereAsked) {
  adapters_->use_stack_rule(StackRule::kPaper);
  const auto h = norm_(f_ + a_);
  const auto y1 = up("sw", h) + f_;
  expect_close(output({"sw", "ner"}), norm_(up("ner", y1) + f_ + a_), 1e-5);
  const auto one = output({"sw"});
  adapters_->use_stack_rule(StackRule::kAdapterHub);
  expect_close(output({"sw"}), one, 1e-6);
  const auto h2 = norm_(y1 + a_);
  expect_close(output({"sw", "ner"}), norm_(up("ner", h2) + y1 + a_), 1e-5);
}

TEST_F(ComposedStackTest, SkipsLayersWhateverIsActive) {
  const auto bare = norm_(f_ + a_);
  adapters_->skip_first_layers(1);
  expect_close(output({"sw", "ner"}), bare, 1e-6);
  EXPECT_GT((output({"sw", "ner"}, /*layer=*/1) - bare).abs().max().item<double>(), 1e-3);
  EXPECT_THROW(adapters_->skip_layers({2}), c10::Error) << "there are two layers";
  adapters_->skip_layers({1});
  expect_close(output({"sw", "ner"}, /*layer=*/1), bare, 1e-6);
  EXPECT_GT((output({"sw", "ner"}) - bare).abs().max().item<double>(), 1e-3);
  adapters_->skip_first_layers(0);
  EXPECT_THAT(adapters_->options().skipped_layers(), testing::IsEmpty());
  EXPECT_THAT(torch_error_of([&] { adapters_->skip_first_layers(3); }),
              HasSubstr("expected 0 to 2 layers to skip, but got 3"));
}

TEST_F(ComposedStackTest, GatesEachSequenceByItsOwnMean) {
  auto config = named_config("pfeiffer");
  config.use_gating = true;
  const auto set = add("gated", config);
  auto* adapter = set->at(0, Site::kOutput);
  const auto x = norm_(f_ + a_);
  const auto gates = at::sigmoid(adapter->gate->forward(x)).detach();
  const auto wanted = [&](int64_t first, int64_t rows) {
    return norm_(f_.narrow(0, first, rows) +
                 up("gated", x).narrow(0, first, rows) * gates.narrow(0, first, rows).mean() +
                 a_.narrow(0, first, rows));
  };
  expect_close(output("gated"), at::cat({wanted(0, 3), wanted(3, 4)}), 1e-5);
  EXPECT_THAT(torch_error_of([&] {
                adapters_->forward(0, Site::kOutput, {f_, a_, norm_});
              }),
              HasSubstr("expected where the sequences of 7 rows begin"));
}

TEST_F(ComposedStackTest, DropsWholeSequencesInTrainingAlone) {
  auto config = named_config("pfeiffer");
  config.stochastic_depth = 0.5;
  auto set = add("deep", config);
  set->eval();
  const auto x = norm_(f_ + a_);
  expect_close(output("deep"), norm_(up("deep", x) + f_ + a_), 1e-5);
  const auto full = up("deep", x);
  set->train();
  int64_t dropped = 0;
  for (int i = 0; i < 200; ++i) {
    const auto y = output("deep");
    for (const auto& [first, rows] : {std::pair<int64_t, int64_t>{0, 3}, {3, 4}}) {
      const auto part = [from = first, count = rows](const at::Tensor& t) {
        return t.narrow(0, from, count);
      };
      const auto without = norm_(part(f_) + part(a_));
      const auto doubled = norm_(part(f_) + 2 * part(full) + part(a_));
      const bool gone = at::allclose(part(y), without, 1e-4, 1e-5);
      EXPECT_NE(gone, at::allclose(part(y), doubled, 1e-4, 1e-5));
      dropped += gone;
    }
  }
  EXPECT_NEAR(static_cast<double>(dropped), 200, 40);
}

TEST_F(ComposedStackTest, RoutesSequencesByBlocksAndLanguages) {
  adapters_->activate(Stack{"en", BatchSplit({"ner", "pos"}, {1, 2})});
  const auto split = adapters_->active_plan()->route(3, {});
  EXPECT_EQ(split.channels, 1);
  EXPECT_THAT(split.path_of, ElementsAre(0, 1, 1));
  adapters_->activate(Parallel{"ner", "pos"});
  const auto parallel = adapters_->active_plan()->route(2, {});
  EXPECT_EQ(parallel.channels, 2);
  EXPECT_THAT(parallel.path_of, ElementsAre(0, 0, 1, 1));
  adapters_->activate({kLanguage, "ner"});
  EXPECT_TRUE(adapters_->wants_languages());
  const auto mixed = adapters_->active_plan()->route(4, {"sw", "en", "sw", "sw"});
  EXPECT_THAT(mixed.path_of, ElementsAre(0, 1, 0, 0));
  EXPECT_EQ(mixed.paths[0]->invertible, adapters_->get("sw")->invertible());
  EXPECT_EQ(mixed.paths[1]->invertible, adapters_->get("en")->invertible());
  EXPECT_EQ(adapters_->invertible(), nullptr) << "there is not one for all";
}

TEST_F(ComposedStackTest, SaysWhatABatchLacks) {
  adapters_->activate(BatchSplit({"ner", "pos"}, {1, 2}));
  for (const int64_t sequences : {2, 4}) {
    EXPECT_THAT(input_error_of([&] { adapters_->active_plan()->route(sequences, {}); }),
                HasSubstr("expected a batch of 3 sequences by batch_sizes, but found " +
                          std::to_string(sequences)));
  }
  adapters_->activate({kLanguage, "ner"});
  EXPECT_THAT(input_error_of([&] { adapters_->active_plan()->route(2, {"sw"}); }),
              HasSubstr("expected a language for each of 2 sequences, but found 1"));
  EXPECT_THAT(torch_error_of([&] { adapters_->active_plan()->route(1, {"de"}); }),
              HasSubstr("no adapter named \"de\""));
  EXPECT_THAT(torch_error_of([&] { adapters_->add(kLanguage, named_config("pfeiffer")); }),
              HasSubstr("expected a name other than LANGUAGE"));
  EXPECT_THAT(torch_error_of([&] {
                adapters_->forward(0, Site::kOutput, {f_, a_, norm_});
              }),
              HasSubstr("expected groups of rows for Stack(LANGUAGE, ner)"));
}

TEST_F(ComposedStackTest, RefusesWhatItCannotCompose) {
  adapters_->activate("ner");
  EXPECT_THAT(input_error_of([&] {
                adapters_->activate(Stack{"en", Fuse{"ner", "pos"}});
              }),
              HasSubstr("expected a fusion \"ner,pos\" in the bank, but found none"));
  EXPECT_EQ(to_string(adapters_->composition()), "ner") << "as before";
  EXPECT_THAT(input_error_of([&] {
                adapters_->activate(Stack{"en", Stack{"ner", "pos"}});
              }),
              HasSubstr("inside Stack"));
  EXPECT_THAT(torch_error_of([&] {
                adapters_->activate(Average({"ner", "de"}));
              }),
              HasSubstr("no adapter named \"de\""));
  add("hou", named_config("houlsby"));
  EXPECT_THAT(input_error_of([&] {
                adapters_->add_fusion({"ner", "hou"});
              }),
              HasSubstr("expected members with adapters at the same sites"));
  adapters_->add_fusion("hou,hou", AdapterFusion(AdapterFusionOptions({}, 6, 2)));
  EXPECT_THAT(input_error_of([&] {
                adapters_->activate(Fuse{"hou", "hou"});
              }),
              HasSubstr("expected a fusion layer at encoder.layer.0.attention.output"));
  EXPECT_THAT(torch_error_of([&] {
                adapters_->add_fusion({"hou", "hou"});
              }),
              HasSubstr("a fusion named \"hou,hou\" is already there"));
  EXPECT_THAT(torch_error_of([&] { adapters_->get_fusion("x"); }), HasSubstr("no fusion named"));
  EXPECT_THAT(input_error_of([&] {
                adapters_->activate(parse_composition(
                    "BatchSplit(BatchSplit(ner, pos, batch_sizes=[1,1]), dep, batch_sizes=[3,1])"));
              }),
              HasSubstr("expected batch_sizes whose sum is 3"));
  EXPECT_THAT(input_error_of([&] {
                adapters_->activate(
                    parse_composition("Stack(Parallel(ner, pos), Parallel(ner, pos, dep))"));
              }),
              HasSubstr("expected Parallel blocks of one size, but found one of 2 and one of 3"));
}

TEST_F(ComposedStackTest, RefusesAnAverageOfMembersThatEndABlockInSeveralWays) {
  add("par", named_config("parallel"));
  auto config = named_config("parallel");
  config.leave_out = {0};
  add("top", config);
  config = named_config("pfeiffer");
  config.original_ln_after = false;
  add("raw", config);
  for (const auto& average :
       {Average{"ner", "par"}, Average{"par", "top"}, Average{"raw", "ner"}}) {
    // There is one end of the block, which adds f, or not, for all.
    EXPECT_THAT(input_error_of([&] { adapters_->activate(average); }),
                HasSubstr("expected members that end a block in one way"))
        << to_string(average);
  }
  EXPECT_NO_THROW(adapters_->activate(Average({"ner", "par"}).as_adapterhub()));
  expect_close(output(Average{"par", "par"}), output("par"), 1e-5);
  expect_close(output(Average{"raw", "raw"}), output("raw"), 1e-5);
}

TEST_F(ComposedStackTest, RefusesGroupsThatAreNotAllRows) {
  add("hou", named_config("houlsby"));
  for (const std::string name : {"ner", "hou"}) {  // one the op computes, the other not
    const auto path = adapters_->plan({name})->only_path();
    const auto error_of = [&](const std::vector<RowGroup>& groups) {
      return torch_error_of([&] { site_forward(0, Site::kOutput, {f_, a_, norm_}, groups); });
    };
    EXPECT_EQ(error_of({{path, 7, {0, 7}}}), "");
    EXPECT_EQ(error_of({{path, 4, {0, 4}}}),
              "site_forward: expected groups of 7 rows, but got groups of 4");
    EXPECT_EQ(error_of({{nullptr, 7, {0, 7}}}),
              "site_forward: expected a path of each group of rows");
  }
}

TEST_F(ComposedStackTest, RefusesALayerThatIsNotThere) {
  for (const int64_t layer : {-1, 2}) {
    EXPECT_THAT(
        torch_error_of([&] { output({"en"}, layer); }),
        HasSubstr("site_forward: expected a layer below 2, which the plan is for, but got"));
  }
}

TEST_F(ComposedStackTest, SwitchesWithoutAnAllocation) {
  add_fusion({"ner", "pos"});
  const auto first = adapters_->plan({"en", "ner"});
  const auto second = adapters_->plan(Stack{"sw", Fuse{"ner", "pos"}});
  const auto before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    adapters_->activate_plan(first);
    adapters_->activate_plan(second);
  }
  EXPECT_EQ(allocations.load(), before);
  EXPECT_EQ(to_string(adapters_->composition()), "Stack(sw, Fuse(ner, pos))");
  adapters_->activate({"en"});
  EXPECT_GT(allocations.load(), before) << "the counter counts";
  adapters_->activate_plan(first);
  expect_close(adapters_->forward(0, Site::kOutput, {f_, a_, norm_}), output({"en", "ner"}), 1e-7);
}

TEST_F(ComposedStackTest, DrawsEveryAdapterFromTheConfiguredSeed) {
  auto config = named_config("pfeiffer");
  config.init_weights_seed = 7;
  const auto set = adapters_->add("seeded", config);
  torch::manual_seed(99);
  const auto again = adapters_->add("again", config);
  const auto weight = [](const AdapterSet& of, int64_t layer) {
    return of->at(layer, Site::kOutput)->adapter_up->weight;
  };
  EXPECT_TRUE(at::equal(weight(set, 0), weight(set, 1)));
  EXPECT_TRUE(at::equal(weight(set, 0), weight(again, 1)));
}

TEST_F(ComposedStackTest, LeavesWhatAProgramDrawsToItsOwnSeed) {
  const auto drawn_beside = [&](const std::string& name, int64_t seed) {
    auto config = named_config("pfeiffer");
    config.init_weights_seed = seed;
    torch::manual_seed(5);
    adapters_->add(name, config);
    return at::rand({4});
  };
  const auto one = drawn_beside("one", 7), other = drawn_beside("other", 8);
  EXPECT_TRUE(at::equal(one, other));
  torch::manual_seed(7);
  EXPECT_FALSE(at::equal(at::rand({4}), one));
}

}  // namespace composed_stack_test
}  // namespace madx

#include "madx/adapters/adapter_stack.h"

#include <c10/core/CPUAllocator.h>
#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"

namespace madx {
namespace adapter_stack_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Counts the tensors that LibTorch allocates while it lives.
class AllocationCounter final : public c10::Allocator {
 public:
  AllocationCounter() : next_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this); }
  ~AllocationCounter() override { c10::SetCPUAllocator(next_); }
  c10::DataPtr allocate(size_t bytes) override {
    ++count_;
    return next_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return next_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    next_->copy_data(to, from, bytes);
  }
  int64_t count() const { return count_; }

 private:
  c10::Allocator* next_;
  int64_t count_ = 0;
};

/// A bank for two layers of hidden size 6, with weights far from zero, and what arrives at a site.
class AdapterStackTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(12);
    f_ = at::randn({4, 6});
    a_ = at::randn({4, 6});
    norm_ = {at::rand({6}) + 0.5, at::randn({6}), 1e-5};
  }

  void add(const std::string& name, const BottleneckConfig& config) {
    const at::NoGradGuard no_grad;
    for (auto& weight : adapters_->add(name, config)->parameters()) weight.normal_(0, 0.3);
  }

  at::Tensor output(const std::vector<std::string>& stack, int64_t layer = 0,
                    Site site = Site::kOutput) {
    const at::NoGradGuard no_grad;
    adapters_->activate(stack);
    return adapters_->forward(layer, site, {f_, a_, norm_});
  }
  at::Tensor bare() const { return norm_(f_ + a_); }

  AdapterStack adapters_{/*hidden_size=*/6, /*num_layers=*/2};
  at::Tensor f_, a_;
  FrozenLayerNorm norm_;
};

TEST_F(AdapterStackTest, ActivatesByPointersAlone) {
  add("en", named_config("pfeiffer+inv"));
  add("sw", named_config("pfeiffer+inv"));
  add("ner", named_config("pfeiffer"));
  const auto addresses = [&] {
    std::vector<const void*> all;
    for (const auto& weight : adapters_->parameters()) all.push_back(weight.data_ptr());
    return all;
  };
  const auto before = addresses();
  {
    const AllocationCounter counter;
    adapters_->activate({"en", "ner"});
    adapters_->activate({"sw", "ner"});
    EXPECT_EQ(counter.count(), 0);
    at::zeros({3});
    EXPECT_EQ(counter.count(), 1) << "the counter counts";
  }
  EXPECT_THAT(adapters_->active(),
              ElementsAre(adapters_->get("sw").get(), adapters_->get("ner").get()));
  EXPECT_EQ(adapters_->invertible(), adapters_->get("sw")->invertible());
  EXPECT_EQ(addresses(), before);
}

TEST_F(AdapterStackTest, EqualsTheBareEncoderWhenNothingIsActive) {
  add("sw", named_config("houlsby+inv"));
  EXPECT_FALSE(at::equal(output({"sw"}), bare()));
  adapters_->deactivate();
  for (const auto site : {Site::kAttentionOutput, Site::kOutput}) {
    expect_close(adapters_->forward(1, site, {f_, a_, norm_}), bare(), 1e-6);
  }
  EXPECT_EQ(adapters_->invertible(), nullptr);
  expect_close(output({}), bare(), 1e-6);
}

TEST_F(AdapterStackTest, RunsBottomUp) {
  add("x", named_config("pfeiffer"));
  add("y", named_config("pfeiffer"));
  const auto xy = output({"x", "y"});
  EXPECT_GT((xy - output({"y", "x"})).abs().max().item<double>(), 1e-3);
  auto* x = adapters_->get("x")->at(0, Site::kOutput);
  auto* y = adapters_->get("y")->at(0, Site::kOutput);
  const auto h = x->forward({norm_(f_ + a_), f_});
  const auto top = y->forward({norm_(h + a_), h});
  expect_close(xy, norm_(top + a_), 1e-6);
}

TEST_F(AdapterStackTest, PassesOverWhatIsLeftOut) {
  auto config = named_config("pfeiffer");
  config.leave_out = {0};
  add("la", config);
  add("ta", named_config("pfeiffer"));
  expect_close(output({"la"}), bare(), 1e-6);
  EXPECT_FALSE(at::equal(output({"la"}, /*layer=*/1), bare()));
  EXPECT_TRUE(at::equal(output({"la", "ta"}), output({"ta"})));
  EXPECT_FALSE(at::equal(output({"la", "ta"}, /*layer=*/1), output({"ta"}, /*layer=*/1)));
  expect_close(output({"la", "ta"}, /*layer=*/1, Site::kAttentionOutput), bare(), 1e-6);
}

TEST_F(AdapterStackTest, TakesTheInvertibleAdapterOfItsFirstMember) {
  add("sw", named_config("pfeiffer+inv"));
  add("ner", named_config("pfeiffer"));
  adapters_->activate({"sw", "ner"});
  EXPECT_EQ(adapters_->invertible(), adapters_->get("sw")->invertible());
  adapters_->activate({"ner", "sw"});
  EXPECT_EQ(adapters_->invertible(), nullptr);
  adapters_->activate({"sw"});
  adapters_->use_invertible(false);
  EXPECT_EQ(adapters_->invertible(), nullptr);
  adapters_->use_invertible(true);
  EXPECT_NE(adapters_->invertible(), nullptr);
}

TEST_F(AdapterStackTest, NamesItsTensorsByAdapter) {
  add("sw", named_config("pfeiffer+inv"));
  EXPECT_THAT(adapters_->names(), ElementsAre("sw"));
  EXPECT_TRUE(adapters_->has("sw"));
  EXPECT_FALSE(adapters_->has("en"));
  const auto weights = adapters_->named_parameters();
  EXPECT_TRUE(weights.contains("sw.layer1_output.adapter_down.0.weight"));
  EXPECT_TRUE(weights.contains("sw.invertible.F.0.weight"));
}

TEST_F(AdapterStackTest, ListsTheNamesThereAreForAnUnknownOne) {
  EXPECT_THAT(torch_error_of([&] { adapters_->activate({"de"}); }),
              HasSubstr("no adapter named \"de\""));
  add("sw", named_config("pfeiffer"));
  add("en", named_config("pfeiffer"));
  adapters_->activate({"sw"});
  const auto error = torch_error_of([&] { adapters_->activate({"en", "de"}); });
  EXPECT_THAT(error, HasSubstr("AdapterStack: no adapter named \"de\"; there are "));
  EXPECT_THAT(error, testing::ContainsRegex("en.* sw"));
  EXPECT_THAT(adapters_->active(), ElementsAre(adapters_->get("sw").get())) << "as before";
  EXPECT_THAT(torch_error_of([&] { adapters_->get("de"); }), HasSubstr("no adapter named \"de\""));
}

TEST_F(AdapterStackTest, RefusesASetThatHasNoPlaceInIt) {
  add("sw", named_config("pfeiffer"));
  const auto error_of = [&](const std::string& name, int64_t hidden, int64_t layers) {
    return torch_error_of([&] {
      adapters_->add(name, AdapterSet(AdapterSetOptions(named_config("pfeiffer"), hidden, layers)));
    });
  };
  EXPECT_THAT(error_of("sw", 6, 2), HasSubstr("an adapter named \"sw\" is already there"));
  EXPECT_THAT(error_of("sw.v2", 6, 2), HasSubstr("expected a name without dots, since it becomes "
                                                 "part of tensor names, but got \"sw.v2\""));
  EXPECT_THAT(error_of("", 6, 2), HasSubstr("expected a name without dots"));
  EXPECT_THAT(
      error_of("en", 8, 2),
      HasSubstr("expected an adapter for 2 layers of hidden size 6, but \"en\" is for 2 of 8"));
  EXPECT_THAT(error_of("en", 6, 3), HasSubstr("but \"en\" is for 3 of 6"));
  EXPECT_THAT(adapters_->names(), ElementsAre("sw"));
  EXPECT_THAT(adapters_->active(), IsEmpty());
}

TEST_F(AdapterStackTest, BringsWhatIsAddedToWhereItIs) {
  adapters_->to(at::kDouble);  // empty as yet
  add("en", named_config("pfeiffer+inv"));
  for (const auto& weight : adapters_->parameters()) EXPECT_EQ(weight.scalar_type(), at::kDouble);
  adapters_->to(at::kCPU);  // a device alone leaves the type as it is
  AdapterSet fresh(AdapterSetOptions(named_config("pfeiffer"), 6, 2));
  fresh->parameters()[0].requires_grad_(false);
  adapters_->add("sw", fresh);
  adapters_->add_fusion(Fuse({"en", "sw"}));
  for (const auto& weight : adapters_->parameters()) {
    EXPECT_TRUE(weight.is_cpu());
    EXPECT_EQ(weight.scalar_type(), at::kDouble);
  }
  EXPECT_FALSE(fresh->parameters()[0].requires_grad()) << "it is the same set";
  EXPECT_TRUE(fresh->parameters()[1].requires_grad());

  AdapterStack other(6, 2);  // which nobody moved, but whose adapter was
  AdapterSet first(AdapterSetOptions(named_config("pfeiffer"), 6, 2));
  first->to(at::kDouble);
  other->add("en", first);
  EXPECT_EQ(other->add("sw", named_config("pfeiffer"))->parameters()[0].scalar_type(), at::kDouble);
}

TEST_F(AdapterStackTest, KeepsTheModulesOfAPlanThatSomebodyHolds) {
  add("en", named_config("pfeiffer+inv"));
  std::shared_ptr<const Plan> plan;
  std::weak_ptr<torch::nn::Module> set;
  {
    AdapterStack bank(6, 2);
    set = bank->add("en", named_config("pfeiffer")).ptr();
    plan = bank->plan({"en"});
  }
  EXPECT_FALSE(set.expired());
  plan.reset();
  EXPECT_TRUE(set.expired());
}

}  // namespace adapter_stack_test
}  // namespace madx

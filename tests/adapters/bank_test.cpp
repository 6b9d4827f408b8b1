// The bank as a LibTorch module: what learns, what is taken out, copies and files.
#include <gmock/gmock.h>
#include <torch/serialize.h>
#include <torch/utils.h>

#include <sstream>

#include "../support.h"
#include "madx/adapters/adapter_stack.h"

namespace madx {
namespace bank_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BankTest : public testing::Test {
 protected:
  BankTest() : adapters_(6, 2) {
    torch::manual_seed(5);
    auto language = named_config("houlsby+inv");
    language.leave_out = {1};
    adapters_->add("sw", language);
    for (const auto* name : {"ner", "pos"}) adapters_->add(name, named_config("pfeiffer"));
    FusionConfig config;
    config.temperature = true;
    adapters_->add_fusion(Fuse{"ner", "pos"}, config);
  }

  static bool learns(const torch::nn::Module& module) {
    const auto weights = module.parameters();
    const auto count = std::count_if(weights.begin(), weights.end(),
                                     [](const auto& weight) { return weight.requires_grad(); });
    EXPECT_TRUE(count == 0 || count == static_cast<std::ptrdiff_t>(weights.size()));
    return count > 0;
  }

  /// What the active composition makes of one site's rows.
  static at::Tensor output(const AdapterStack& adapters) {
    torch::manual_seed(9);
    const auto options = adapters->parameters().front().options().requires_grad(false);
    const auto f = at::randn({4, 6}, options), a = at::randn({4, 6}, options);
    const FrozenLayerNorm norm{at::ones({6}, options), at::zeros({6}, options), 1e-5};
    return adapters->forward(0, Site::kOutput, {f, a, norm}).detach();
  }

  AdapterStack adapters_;
};

TEST_F(BankTest, TrainsOneAndFreezesTheRest) {
  EXPECT_TRUE(learns(*adapters_->get("sw"))) << "fresh ones learn, as LibTorch's modules do";
  adapters_->train_adapter("ner");
  EXPECT_TRUE(learns(*adapters_->get("ner")));
  for (const auto* name : {"sw", "pos"}) EXPECT_FALSE(learns(*adapters_->get(name))) << name;
  EXPECT_FALSE(learns(*adapters_->get_fusion("ner,pos")));
  adapters_->train_fusion("ner,pos");
  EXPECT_FALSE(learns(*adapters_->get("ner")));
  EXPECT_TRUE(learns(*adapters_->get_fusion("ner,pos")));
  EXPECT_THAT(torch_error_of([&] { adapters_->train_adapter("de"); }),
              HasSubstr("no adapter named \"de\"; there are "));
  EXPECT_TRUE(learns(*adapters_->get_fusion("ner,pos"))) << "as before";
}

TEST_F(BankTest, TakesOutWhatIsNotActive) {
  adapters_->activate({"sw", "ner"});
  const auto plan = adapters_->plan({"pos"});
  EXPECT_THAT(torch_error_of([&] { adapters_->remove("ner"); }),
              HasSubstr("adapter \"ner\" is active; activate another composition before"));
  adapters_->remove("pos");
  EXPECT_THAT(adapters_->names(), ElementsAre("ner", "sw"));
  EXPECT_EQ(adapters_->named_children().contains("pos"), false);
  EXPECT_NE(plan->only_path()->at(0, Site::kOutput).last, nullptr) << "a plan keeps what it has";
  adapters_->add("pos", named_config("pfeiffer"));
  adapters_->activate(Stack{"sw", Fuse{"ner", "pos"}});
  EXPECT_THAT(torch_error_of([&] { adapters_->remove_fusion("ner,pos"); }),
              HasSubstr("fusion \"ner,pos\" is active; activate another composition before"));
  adapters_->deactivate();
  adapters_->remove_fusion("ner,pos");
  EXPECT_THAT(adapters_->fusion_names(), IsEmpty());
  adapters_->remove("pos");
  EXPECT_NO_THROW(adapters_->add("pos", named_config("pfeiffer"))) << "its name is free";
  EXPECT_THAT(torch_error_of([&] { adapters_->remove("de"); }), HasSubstr("no adapter named"));
}

TEST_F(BankTest, LeavesAPlanAsItWasMade) {
  const auto plan = adapters_->plan({"sw", "ner"}, PlanOptions().skipped_layers({0}));
  adapters_->activate_plan(plan);
  const auto before = output(adapters_);
  adapters_->use(PlanOptions().stack_rule(StackRule::kPaper).invertible(false));
  EXPECT_FALSE(at::equal(output(adapters_), before));
  EXPECT_EQ(adapters_->invertible(), nullptr);
  EXPECT_EQ(plan->invertible(), adapters_->get("sw")->invertible());
  adapters_->activate_plan(plan);
  EXPECT_TRUE(at::equal(output(adapters_), before));
}

TEST_F(BankTest, IsCopiedWithAllThatIsInIt) {
  adapters_->activate(Stack{"sw", Fuse{"ner", "pos"}});
  adapters_->train_adapter("ner");
  const AdapterStack copy(std::dynamic_pointer_cast<AdapterStackImpl>(adapters_->clone()));
  EXPECT_EQ(copy->composition(), adapters_->composition());
  EXPECT_TRUE(at::equal(output(copy), output(adapters_)));
  EXPECT_TRUE(learns(*copy->get("ner")));
  EXPECT_FALSE(learns(*copy->get("pos")));
  const torch::NoGradGuard no_grad;
  for (auto& weight : copy->parameters()) weight.add_(1);
  EXPECT_FALSE(at::equal(output(copy), output(adapters_))) << "weights of its own";
}

TEST_F(BankTest, IsCopiedFrozenWhereItIsFrozen) {
  adapters_->freeze();
  AdapterStack copy(std::dynamic_pointer_cast<AdapterStackImpl>(adapters_->clone()));
  EXPECT_FALSE(learns(*copy)) << "the fusion, too";
  copy->train_fusion("ner,pos");
  const AdapterStack again(std::dynamic_pointer_cast<AdapterStackImpl>(copy->clone()));
  EXPECT_TRUE(learns(*again->get_fusion("ner,pos")));
  EXPECT_FALSE(learns(*again->get("ner")));
}

/// A module of a user's own around a bank.
struct Around : torch::nn::Cloneable<Around> {
  Around() { reset(); }
  void reset() override { bank = register_module("bank", AdapterStack(6, 2)); }
  AdapterStack bank{nullptr};
};

TEST_F(BankTest, IsCopiedWithTheModuleAroundIt) {
  Around around;
  around.bank->add("ner", named_config("pfeiffer"));
  around.bank->activate({"ner"});
  const auto copy = std::dynamic_pointer_cast<Around>(around.clone());
  EXPECT_TRUE(at::equal(output(copy->bank), output(around.bank)));
  {
    const torch::NoGradGuard no_grad;
    for (auto& weight : copy->parameters()) weight.add_(1);
  }
  EXPECT_FALSE(at::equal(output(copy->bank), output(around.bank))) << "weights of its own";
}

TEST_F(BankTest, BringsWhatIsAddedIntoItsMode) {
  adapters_->eval();
  auto config = named_config("pfeiffer");
  config.dropout = 0.5;
  adapters_->add("dep", config);
  adapters_->add_fusion(Fuse{"ner", "dep"}, {}, /*default_dropout=*/0.5);
  adapters_->activate(Stack{"dep", Fuse{"ner", "dep"}});
  EXPECT_FALSE(adapters_->get("dep")->at(0, Site::kOutput)->is_training());
  EXPECT_FALSE(adapters_->get_fusion("ner,dep")->at(0, Site::kOutput)->is_training());
  const auto f = at::randn({4, 6}), a = at::randn({4, 6});
  const FrozenLayerNorm norm{at::ones({6}), at::zeros({6}), 1e-5};
  const auto run = [&] { return adapters_->forward(0, Site::kOutput, {f, a, norm}); };
  EXPECT_TRUE(at::equal(run(), run())) << "without dropout";
  adapters_->train();
  EXPECT_TRUE(adapters_->add("lem", config)->is_training());
}

TEST_F(BankTest, IsLoadedWhereAnEmptyBlockIsActive) {
  for (const auto kind : {Composition::Kind::kStack, Composition::Kind::kFuse}) {
    adapters_->activate(Composition(kind, {}));
    std::stringstream file;
    torch::save(adapters_, file);
    AdapterStack loaded(6, 2);
    torch::load(loaded, file);
    EXPECT_TRUE(loaded->composition().empty());
    EXPECT_THAT(loaded->names(), ElementsAre("ner", "pos", "sw"));
  }
}

TEST_F(BankTest, IsSavedAndLoadedWithConfigurationsAndWhatIsActive) {
  adapters_->activate(Stack{"sw", Fuse{"ner", "pos"}});
  adapters_->use(PlanOptions().fusion_steps({{"ner,pos", 300}}).skipped_layers({1}));
  std::stringstream file;
  torch::save(adapters_, file);
  AdapterStack loaded(6, 2);
  loaded->eval();
  torch::load(loaded, file);
  EXPECT_THAT(loaded->names(), ElementsAre("ner", "pos", "sw"));
  EXPECT_THAT(loaded->get("sw")->options.config().leave_out, ElementsAre(1));
  EXPECT_EQ(loaded->get("sw")->options.config().non_linearity, "swish");
  EXPECT_TRUE(loaded->get_fusion("ner,pos")->options.config().temperature);
  EXPECT_EQ(loaded->composition(), adapters_->composition());
  EXPECT_EQ(loaded->options().fusion_steps().at("ner,pos"), 300);
  EXPECT_TRUE(at::equal(output(loaded), output(adapters_)));
  EXPECT_FALSE(loaded->get("sw")->at(0, Site::kOutput)->is_training()) << "as the bank";
  const auto before = adapters_->named_parameters(), after = loaded->named_parameters();
  ASSERT_EQ(before.size(), after.size());
  for (const auto& item : before) EXPECT_TRUE(at::equal(item.value(), after[item.key()]));
  loaded->to(at::kDouble);
  EXPECT_EQ(output(loaded).scalar_type(), at::kDouble);
}

TEST_F(BankTest, LoadsNothingThatIsOfAnotherShape) {
  std::stringstream bank, set;
  torch::save(adapters_, bank);
  torch::save(adapters_->get("sw"), set);
  AdapterStack deeper(6, 3);
  EXPECT_THAT(torch_error_of([&] { torch::load(deeper, bank); }),
              HasSubstr("expected a module for 3 layers of hidden size 6, but the file's is for"));
  bank.seekg(0);
  EXPECT_THAT(torch_error_of([&] { torch::load(adapters_, bank); }),
              HasSubstr("expected an AdapterStack without adapters to load into"));
  AdapterSet other(AdapterSetOptions(named_config("pfeiffer"), 6, 2));
  torch::load(other, set);
  EXPECT_NE(other->invertible(), nullptr) << "the file's configuration, not its own";
  EXPECT_NE(other->at(0, Site::kAttentionOutput), nullptr);
  EXPECT_EQ(other->at(1, Site::kOutput), nullptr);
}

TEST_F(BankTest, LoadsIntoASetThatAPlanRuns) {
  const auto plan = adapters_->plan({"sw", "ner"});
  adapters_->activate_plan(plan);
  adapters_->train_adapter("ner");
  std::stringstream sw, ner;
  auto language = adapters_->get("sw"), task = adapters_->get("ner");
  torch::save(language, sw);
  torch::save(task, ner);
  const auto before = output(adapters_);
  const auto weight = adapters_->get("ner")->parameters().front();
  {
    const torch::NoGradGuard no_grad;
    for (auto& each : adapters_->parameters()) each.add_(1);
  }
  adapters_->eval();
  torch::load(language, sw);
  torch::load(task, ner);
  EXPECT_TRUE(at::equal(output(adapters_), before)) << "in place: the plan has them";
  EXPECT_TRUE(adapters_->get("ner")->parameters().front().is_same(weight));
  EXPECT_FALSE(learns(*adapters_->get("sw"))) << "as before";
  EXPECT_FALSE(adapters_->get("sw")->at(0, Site::kOutput)->is_training());

  sw.clear(), sw.seekg(0);
  torch::load(task, sw);  // of another configuration
  EXPECT_TRUE(at::equal(output(adapters_), before)) << "the plan goes on with the parts it had";
  EXPECT_TRUE(learns(*adapters_->get("ner")));
  EXPECT_FALSE(adapters_->get("ner")->at(0, Site::kOutput)->is_training());
}

TEST_F(BankTest, StaysEmptyWhereLoadingFailsAtItsEnd) {
  adapters_->activate(Stack{"sw", "ner"});
  std::stringstream file;
  torch::save(adapters_, file);
  auto damaged = file.str();
  const auto place = damaged.rfind("Stack(sw, ner)");
  ASSERT_NE(place, std::string::npos);
  damaged.replace(place, 14, "Stack(sw, xyz)");
  AdapterStack loaded(6, 2);
  std::stringstream bad(damaged);
  EXPECT_THAT(torch_error_of([&] { torch::load(loaded, bad); }), HasSubstr("xyz"));
  EXPECT_TRUE(loaded->names().empty());
  EXPECT_TRUE(loaded->named_parameters().is_empty());
  torch::load(loaded, file);
  EXPECT_THAT(loaded->names(), ElementsAre("ner", "pos", "sw"));
}

}  // namespace bank_test
}  // namespace madx

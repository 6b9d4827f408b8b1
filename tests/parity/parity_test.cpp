// Every tensor that Python computed for a case (tests/fixtures/make_case.py), computed here.
// Cases: those of tests/fixtures/parity, and the directories named in MADX_PARITY_CASES, colon
// separated.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "case_directories.h"
#include "parity_case.h"

namespace madx {
namespace parity_test {

class Parity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { at::set_num_threads(1); }

  /// AdapterHub's key of a tensor of an adapter:
  /// `roberta.encoder.layer.0.output.adapters.la.adapter_down.0.weight`.
  static std::string hub_key(const ParityCase& c, const std::string& name, const std::string& key) {
    const std::string model = c.parts.config.model_type == "bert" ? "bert." : "roberta.";
    if (key.compare(0, 11, "invertible.") == 0)
      return model + "invertible_adapters." + name + "." + key.substr(11);
    const auto at = key.find(".output.") + std::string(".output").size();
    return model + key.substr(0, at) + ".adapters." + name + key.substr(at);
  }

  /// Compares the gradients of one adapter's tensors with the expectations under `prefix`; every
  /// one must be met.
  static void expect_gradients(const ParityCase& c, const std::string& name,
                               const std::string& prefix) {
    int64_t compared = 0;
    for (const auto& [key, tensor] : c.adapters->get(name)->named_tensors()) {
      const auto hub = prefix + hub_key(c, name, key);
      const auto* theirs = c.expected.find(hub);
      if (theirs == nullptr)
        continue;  // a module that AdapterHub registers twice is listed once in its gradients
      ASSERT_TRUE(tensor.grad().defined()) << hub;
      expect_parity(tensor.grad(), *theirs, hub);
      ++compared;
    }
    int64_t wanted = 0;
    for (const auto& item : c.expected) {
      wanted += item.key().compare(0, prefix.size(), prefix) == 0 &&
                item.key().find(".heads.") == std::string::npos &&
                item.key().find("grad.tag.heads.") == std::string::npos;
    }
    EXPECT_EQ(compared, wanted) << prefix;
  }

  static std::vector<at::Tensor> tensors_of(const ParityCase& c, const std::string& name) {
    std::vector<at::Tensor> tensors;
    for (const auto& entry : c.adapters->get(name)->named_tensors()) {
      const auto same = [&](const at::Tensor& other) { return other.is_same(entry.second); };
      if (std::none_of(tensors.begin(), tensors.end(), same)) tensors.push_back(entry.second);
    }
    return tensors;
  }

  /// AdamW with the case's settings, dropout off: the loss of every step.
  template <class Loss>
  static at::Tensor trajectory(const ParityCase& c, std::vector<at::Tensor> trained, Loss&& loss) {
    const auto& s = c.settings;
    torch::optim::AdamW optimizer(std::move(trained),
                                  torch::optim::AdamWOptions(s["lr"].get<double>())
                                      .betas({s["betas"][0], s["betas"][1]})
                                      .eps(s["adam_eps"])
                                      .weight_decay(s["weight_decay"]));
    std::vector<float> losses;
    for (int64_t step = 0; step < s["steps"].get<int64_t>(); ++step) {
      optimizer.zero_grad();
      auto value = loss();
      value.backward();
      optimizer.step();
      losses.push_back(value.template item<float>());
    }
    return at::tensor(losses);
  }
};

TEST_P(Parity, HiddenStatesEqualPythons) {
  torch::NoGradGuard no_grad;
  ParityCase c(GetParam());
  expect_parity(c.encoder->forward(c.batch), c.attended(c.expected["hidden.bare"]), "hidden.bare");
  c.adapters->activate({c.language()});
  expect_parity(c.encoder->forward(c.batch, *c.adapters), c.attended(c.expected["hidden.la"]),
                "hidden.la");
  c.adapters->activate(c.stack());
  const auto hidden = c.encoder->forward(c.batch, *c.adapters);
  expect_parity(hidden, c.attended(c.expected["hidden.stack"]), "hidden.stack");
  expect_parity(c.tagging_head->forward(hidden), c.attended(c.expected["logits.tags"]),
                "logits.tags");
}

TEST_P(Parity, MaskedLmLogitsAndLossEqualPythons) {
  torch::NoGradGuard no_grad;
  ParityCase c(GetParam());
  expect_parity(c.mlm_logits(), c.expected["mlm.logits"], "mlm.logits");
  expect_parity(c.mlm_loss(), c.expected["mlm.loss"], "mlm.loss");
}

TEST_P(Parity, GradientsEqualPythons) {
  ParityCase c(GetParam());
  c.mlm_loss().backward();
  expect_gradients(c, c.language(), "grad.mlm.");
  c.tag_loss().backward();
  expect_gradients(c, c.task(), "grad.tag.");
  const auto head = "grad.tag.heads." + c.task() + ".1.";
  if (const auto* weight = c.expected.find(head + "weight")) {
    expect_parity(c.tagging_head->classifier->weight.grad(), *weight, head + "weight");
    expect_parity(c.tagging_head->classifier->bias.grad(), c.expected[head + "bias"],
                  head + "bias");
  }
}

TEST_P(Parity, LossTrajectoriesEqualPythons) {
  ParityCase mlm(GetParam());
  expect_parity(trajectory(mlm, tensors_of(mlm, mlm.language()), [&] { return mlm.mlm_loss(); }),
                mlm.expected["losses.mlm"], "losses.mlm", /*relative=*/1e-3);
  ParityCase tag(GetParam());
  auto trained = tensors_of(tag, tag.task());
  // make_case.py trains the head with the task adapter where it is named after it.
  if (tag.settings["head"] == tag.settings["task"]) {
    for (const auto& weight : tag.tagging_head->parameters()) trained.push_back(weight);
  }
  expect_parity(trajectory(tag, trained, [&] { return tag.tag_loss(); }),
                tag.expected["losses.tag"], "losses.tag",
                /*relative=*/1e-3);
}

TEST_P(Parity, TrainingLeavesTheEncodersBytesUntouched) {
  ParityCase c(GetParam());
  std::vector<at::Tensor> before;
  for (const auto& weight : c.encoder->parameters()) before.push_back(weight.clone());
  trajectory(c, tensors_of(c, c.language()), [&] { return c.mlm_loss(); });
  const auto after = c.encoder->parameters();
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_TRUE(at::equal(before[i], after[i]));
    EXPECT_FALSE(after[i].grad().defined());
  }
}

INSTANTIATE_TEST_SUITE_P(Case, Parity, testing::ValuesIn(case_directories("parity", false)),
                         case_name);

}  // namespace parity_test
}  // namespace madx

// Every tensor that Python computed for a case (tests/fixtures/make_case.py), computed here.
// Cases: those of tests/fixtures/parity, and the directories named in MADX_PARITY_CASES, colon
// separated.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "parity_case.h"

namespace madx {
namespace {

std::vector<std::string> case_directories() {
  std::vector<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(MADX_FIXTURES "/parity")) {
    if (entry.is_directory()) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  const char* more = std::getenv("MADX_PARITY_CASES");
  std::istringstream paths(more == nullptr ? "" : more);
  for (std::string path; std::getline(paths, path, ':');) {
    if (!path.empty()) cases.push_back(path);
  }
  return cases;
}

/// |ours - theirs| <= absolute + relative |theirs|, everywhere.
void expect_close(const at::Tensor& ours, const at::Tensor& theirs, const std::string& what,
                  double relative = 1e-4, double absolute = 1e-5) {
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  ASSERT_GT(theirs.abs().max().item<double>(), 0)
      << what << ": an expectation of zeros shows nothing";
  const auto excess = (ours - theirs).abs() - (absolute + relative * theirs.abs());
  EXPECT_LE(excess.max().item<double>(), 0)
      << what << ": largest difference " << (ours - theirs).abs().max().item<double>()
      << " among values up to " << theirs.abs().max().item<double>();
}

class Parity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { at::set_num_threads(1); }

  /// AdapterHub's key of a tensor of an adapter:
  /// `roberta.encoder.layer.0.output.adapters.la.adapter_down.0.weight`.
  static std::string hub_key(const ParityCase& c, const std::string& name, const std::string& key) {
    const std::string model = c.parts.config.model_type == "bert" ? "bert." : "roberta.";
    if (key.compare(0, 11, "invertible.") == 0)
      return model + "invertible_adapters." + name + "." + key.substr(11);
    const auto at =
        key.find(".adapter_") != std::string::npos ? key.find(".adapter_") : key.find(".scaling");
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
      expect_close(tensor.grad(), *theirs, hub);
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
  expect_close(c.encoder->forward(c.batch), c.attended(c.expected["hidden.bare"]), "hidden.bare");
  c.adapters->activate({c.language()});
  expect_close(c.encoder->forward(c.batch, *c.adapters), c.attended(c.expected["hidden.la"]),
               "hidden.la");
  c.adapters->activate(c.stack());
  const auto hidden = c.encoder->forward(c.batch, *c.adapters);
  expect_close(hidden, c.attended(c.expected["hidden.stack"]), "hidden.stack");
  expect_close(c.tagging_head->forward(hidden), c.attended(c.expected["logits.tags"]),
               "logits.tags");
}

TEST_P(Parity, MaskedLmLogitsAndLossEqualPythons) {
  torch::NoGradGuard no_grad;
  ParityCase c(GetParam());
  expect_close(c.mlm_logits(), c.expected["mlm.logits"], "mlm.logits");
  expect_close(c.mlm_loss(), c.expected["mlm.loss"], "mlm.loss");
}

TEST_P(Parity, GradientsEqualPythons) {
  ParityCase c(GetParam());
  c.mlm_loss().backward();
  expect_gradients(c, c.language(), "grad.mlm.");
  c.tag_loss().backward();
  expect_gradients(c, c.task(), "grad.tag.");
  const auto head = "grad.tag.heads." + c.task() + ".1.";
  if (const auto* weight = c.expected.find(head + "weight")) {
    expect_close(c.tagging_head->classifier->weight.grad(), *weight, head + "weight");
    expect_close(c.tagging_head->classifier->bias.grad(), c.expected[head + "bias"], head + "bias");
  }
}

TEST_P(Parity, LossTrajectoriesEqualPythons) {
  ParityCase mlm(GetParam());
  expect_close(trajectory(mlm, tensors_of(mlm, mlm.language()), [&] { return mlm.mlm_loss(); }),
               mlm.expected["losses.mlm"], "losses.mlm", /*relative=*/1e-3);
  ParityCase tag(GetParam());
  auto trained = tensors_of(tag, tag.task());
  // make_case.py trains the head with the task adapter where it is named after it.
  if (tag.settings["head"] == tag.settings["task"]) {
    for (const auto& weight : tag.tagging_head->parameters()) trained.push_back(weight);
  }
  expect_close(trajectory(tag, trained, [&] { return tag.tag_loss(); }), tag.expected["losses.tag"],
               "losses.tag",
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

INSTANTIATE_TEST_SUITE_P(Case, Parity, testing::ValuesIn(case_directories()), [](const auto& info) {
  auto name = std::filesystem::path(info.param).filename().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return std::to_string(info.index) + "_" + name;
});

}  // namespace
}  // namespace madx

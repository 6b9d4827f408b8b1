// Compositions as Python `adapters` computes them (tests/fixtures/make_composition_case.py).
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "case_directories.h"
#include "composition_case.h"

namespace madx {
namespace composition_parity_test {

class CompositionParity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { at::set_num_threads(1); }

  /// Every gradient that is expected under `prefix`, and no other.
  static void expect_gradients(const CompositionCase& c, const std::string& prefix) {
    int64_t compared = 0, wanted = 0;
    for (const auto& [key, tensor] : c.hub_tensors()) {
      const auto* theirs = c.expected.find(prefix + key);
      if (theirs == nullptr) {
        EXPECT_TRUE(!tensor.grad().defined() || tensor.grad().abs().max().item<double>() < 1e-6)
            << prefix << key << " has a gradient here, but none in Python";
        continue;
      }
      ASSERT_TRUE(tensor.grad().defined()) << prefix << key;
      expect_parity(tensor.grad(), *theirs, prefix + key);
      ++compared;
    }
    for (const auto& item : c.expected) wanted += item.key().compare(0, prefix.size(), prefix) == 0;
    EXPECT_EQ(compared, wanted) << prefix;
    EXPECT_GT(wanted, 0) << prefix;
  }
};

TEST_P(CompositionParity, HiddenStatesAndGradientsEqualPythons) {
  CompositionCase c(GetParam());
  size_t index = 0;
  for (const auto& entry : c.settings["compositions"]) {
    const std::string expression = entry["composition"], number = std::to_string(index++);
    SCOPED_TRACE(number + ": " + expression);
    c.adapters->activate(as_in_python(parse_composition(expression)));
    auto batch = c.batch;
    batch.languages = entry["languages"].get<std::vector<std::string>>();
    c.zero_grad();
    const auto hidden = c.encoder->forward(batch, *c.adapters);
    const auto& theirs = c.expected["hidden." + number];
    // A gelu's LayerNorm of a row of small variance brings every capability near the bound; those
    // that a run is kept to, less than the processor has, may pass it by rounding alone.
    const bool capped = std::getenv("MADX_CPU_CAPABILITY") != nullptr;
    expect_parity(hidden, c.attended(theirs), "hidden." + number, 1e-4, capped ? 2e-5 : 1e-5);
    if (!entry["gradients"]) continue;
    const auto channels = theirs.size(0) / c.mask.size(0);
    (hidden * c.attended(c.inputs["loss_weights"].repeat({channels, 1, 1}))).sum().backward();
    expect_gradients(c, "grad." + number + ".");
  }
}

TEST_P(CompositionParity, MaskedLmLossesEqualPythons) {
  CompositionCase c(GetParam());
  size_t index = 0;
  for (const auto& entry : c.settings["compositions"]) {
    const std::string expression = entry["composition"], number = std::to_string(index++);
    if (!entry["mlm"]) continue;
    SCOPED_TRACE(number + ": " + expression);
    c.adapters->activate(as_in_python(parse_composition(expression)));
    auto batch = c.batch;
    batch.languages = entry["languages"].get<std::vector<std::string>>();
    const auto labels = c.attended(c.inputs["mlm_labels"]);
    batch.read_rows = (labels != -100).nonzero().squeeze(1);
    c.zero_grad();
    const auto loss =
        c.mlm_head->loss(c.encoder->forward(batch, *c.adapters), c.encoder->word_embeddings(),
                         labels.index_select(0, batch.read_rows), *c.adapters, batch);
    expect_parity(loss, c.expected["mlm." + number + ".loss"].reshape({}), "mlm loss");
    loss.backward();
    expect_gradients(c, "mlm." + number + ".grad.");
  }
}

TEST_P(CompositionParity, ReadsFewRowsAsItReadsAll) {
  const torch::NoGradGuard no_grad;
  CompositionCase c(GetParam());
  for (const auto& entry : c.settings["compositions"]) {
    const std::string expression = entry["composition"];
    SCOPED_TRACE(expression);
    c.adapters->activate(as_in_python(parse_composition(expression)));
    auto batch = c.batch;
    batch.languages = entry["languages"].get<std::vector<std::string>>();
    const auto all = c.encoder->forward(batch, *c.adapters);
    const auto rows = c.batch.rows();
    batch.read_rows = at::arange(1, rows, 3);
    const auto channels = all.size(0) / rows;
    std::vector<at::Tensor> wanted;
    for (int64_t channel = 0; channel < channels; ++channel)
      wanted.push_back(all.narrow(0, channel * rows, rows).index_select(0, batch.read_rows));
    expect_parity(c.encoder->forward(batch, *c.adapters), at::cat(wanted), "read rows", 1e-5, 1e-6);
  }
}

TEST_P(CompositionParity, RegularizationLossesEqualPythons) {
  CompositionCase c(GetParam());
  for (const auto& name : c.adapters->fusion_names()) {
    const auto ours = c.adapters->get_fusion(name)->regularization_loss();
    const auto* theirs = c.expected.find("regularization." + name);
    ASSERT_EQ(ours.defined(), theirs != nullptr) << name;
    if (theirs != nullptr) expect_parity(ours, theirs->reshape({}), "regularization." + name);
  }
}

INSTANTIATE_TEST_SUITE_P(Case, CompositionParity,
                         testing::ValuesIn(case_directories("compositions", true)), case_name);

}  // namespace composition_parity_test
}  // namespace madx

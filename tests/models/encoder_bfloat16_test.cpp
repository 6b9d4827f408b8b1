#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"
#include "madx/models/mlm_head.h"
#include "models/tiny_encoder.h"

namespace madx {
namespace encoder_bfloat16_test {

using testing::HasSubstr;

EncoderConfig config_for_bfloat16() {
  auto config = tiny_config();
  config.hidden_size = 64;
  config.num_attention_heads = 4;
  config.intermediate_size = 96;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
  return config;
}

/// In both forms: packed for this processor, and as a GPU has them, whose every step but the device
/// runs here in LibTorch's own operations.
class EncoderBfloat16 : public testing::TestWithParam<WeightForm> {
 protected:
  void SetUp() override {
    if (GetParam() == WeightForm::kPackedBfloat16 && !cpu::has_bfloat16_products())
      GTEST_SKIP() << "this processor multiplies no bfloat16";
  }
  /// The same weights, rounded, in both types: what differs is the arithmetic.
  static std::pair<Encoder, Encoder> both() {
    const auto config = config_for_bfloat16();
    TensorMap weights;
    for (const auto& item : random_weights(config)) {
      const auto is_matrix = item.value().dim() == 2;
      weights.insert(item.key(),
                     is_matrix ? item.value().to(at::kBFloat16).to(at::kFloat) : item.value());
    }
    return {io::make_encoder(config, weights, "test"),
            io::make_encoder(config, weights, "test", GetParam())};
  }
  static PackedBatch batch() {
    auto batch = pack({{0, 7, 9, 30, 2}, {0, 41, 2}, {0, 8, 77, 101, 6, 99, 2}});
    batch.read_rows = at::tensor({int64_t{1}, int64_t{3}, int64_t{6}, int64_t{9}, int64_t{12}});
    return batch;
  }
};

TEST_P(EncoderBfloat16, GivesHiddenStatesNearThoseOfFloat32) {
  torch::NoGradGuard no_grad;
  const auto [exact, rounded] = both();
  EXPECT_EQ(rounded->dtype(), at::kBFloat16);
  const auto expected = exact->forward(batch()), ours = rounded->forward(batch());
  EXPECT_EQ(ours.scalar_type(), at::kFloat);
  const auto relative = (ours - expected).norm() / expected.norm();
  EXPECT_GT(relative.item<double>(), 0);
  EXPECT_LT(relative.item<double>(), 2e-2);
}

TEST_P(EncoderBfloat16, GivesGradientsNearThoseOfFloat32) {
  const auto [exact, rounded] = both();
  const auto config = config_for_bfloat16();
  AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  auto language = named_config("pfeiffer");
  language.inv_adapter = "nice";
  language.reduction_factor = 4;
  torch::manual_seed(1);
  adapters->add("la", language);
  adapters->activate({"la"});
  MlmHead head(MlmHeadOptions(config.hidden_size, config.vocab_size));
  const auto targets = at::tensor({int64_t{4}, int64_t{30}, int64_t{6}, int64_t{9}, int64_t{12}});
  const auto gradient = [&](const Encoder& encoder) {
    adapters->zero_grad();
    head->loss(encoder->forward(batch(), *adapters), encoder->word_embeddings(), targets,
               adapters->invertible())
        .backward();
    std::vector<at::Tensor> parts;
    for (const auto& weight : adapters->parameters()) parts.push_back(weight.grad().flatten());
    return at::cat(parts).clone();
  };
  const auto expected = gradient(exact), ours = gradient(rounded);
  EXPECT_GT(expected.norm().item<double>(), 0);
  EXPECT_LT(((ours - expected).norm() / expected.norm()).item<double>(), 5e-2);
}

TEST_P(EncoderBfloat16, NamesItsWeightsAsTheyWereRounded) {
  const auto [exact, rounded] = both();
  const auto theirs = io::hugging_face_weights(exact), ours = io::hugging_face_weights(rounded);
  for (const auto& item : theirs)
    EXPECT_TRUE(at::equal(ours[item.key()].to(at::kFloat), item.value())) << item.key();
}

TEST_P(EncoderBfloat16, GivesHiddenStatesAndGradientsInFloat32) {
  auto encoder = both().second;
  const auto config = config_for_bfloat16();
  for (const auto& item : encoder->named_parameters()) {
    const auto& name = item.key();
    const bool small = item.value().dim() == 1 || name.find("position") != std::string::npos ||
                       name.find("type") != std::string::npos;
    EXPECT_EQ(item.value().scalar_type(), small ? at::kFloat : at::kBFloat16) << name;
  }
  encoder->use_gradient_checkpointing(true);
  encoder->train();
  AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  adapters->add("la", named_config("pfeiffer"));
  adapters->activate({"la"});
  const auto hidden = encoder->forward(batch(), *adapters);
  EXPECT_EQ(hidden.scalar_type(), at::kFloat);
  hidden.sum().backward();
  for (const auto& weight : adapters->parameters())
    EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
}

TEST_P(EncoderBfloat16, TakesAdaptersThatNoKernelComputes) {
  torch::NoGradGuard no_grad;
  const auto [exact, rounded] = both();
  const auto config = config_for_bfloat16();
  AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  auto other = named_config("houlsby");
  other.non_linearity = "gelu";
  adapters->add("ta", other);
  adapters->activate({"ta"});
  for (auto& weight : adapters->parameters()) weight.normal_(0, 0.2);
  const auto expected = exact->forward(batch(), *adapters);
  const auto ours = rounded->forward(batch(), *adapters);
  EXPECT_GT((exact->forward(batch()) - expected).norm().item<double>(), 0.1);
  EXPECT_LT(((ours - expected).norm() / expected.norm()).item<double>(), 2e-2);
}

TEST_P(EncoderBfloat16, DoesNotTrainItsOwnWeights) {
  EXPECT_THAT(torch_error_of([] { both().second->unfreeze(); }),
              HasSubstr("expected float32 weights to train, but they are BFloat16"));
}

TEST(EncoderOfHalves, RunsWithAdaptersOfHalvesThatNoKernelComputes) {
  torch::NoGradGuard no_grad;
  const auto config = config_for_bfloat16();
  auto encoder = io::make_encoder(config, random_weights(config), "test");
  AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  auto gelu = named_config("pfeiffer");
  gelu.non_linearity = "gelu";
  adapters->add("ta", gelu);
  adapters->activate({"ta"});
  const auto batch = pack({{0, 7, 9, 30, 2}});
  const auto expected = encoder->forward(batch, *adapters);
  encoder->to(at::kHalf);
  adapters->to(at::kHalf);
  const auto ours = encoder->forward(batch, *adapters);
  EXPECT_EQ(ours.scalar_type(), at::kHalf);
  EXPECT_LT(((ours - expected).norm() / expected.norm()).item<double>(), 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Forms, EncoderBfloat16,
                         testing::Values(WeightForm::kPackedBfloat16, WeightForm::kBfloat16),
                         [](const auto& form) {
                           return form.param == WeightForm::kBfloat16 ? "AsOnAGpu" : "Packed";
                         });

Encoder packed(const EncoderConfig& config) {
  return io::make_encoder(config, random_weights(config), "tiny", WeightForm::kPackedBfloat16);
}

TEST(PackedEncoder, RefusesSizesThatDoNotFit) {
  if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  EXPECT_EQ(input_error_of([] { packed(tiny_config()); }),  // hidden size 12
            "tiny: for bfloat16, expected sizes that are multiples of 32, but found hidden_size 12 "
            "and intermediate_size 20; use float32");
}

TEST(PackedEncoder, IsRefusedWithItsReasonWithoutAmx) {
  if (cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies bfloat16";
  EXPECT_THAT(input_error_of([] { packed(config_for_bfloat16()); }),
              HasSubstr("or MADX_CPU_CAPABILITY hides it, and would be slower than in float32; use "
                        "float32"));
}

}  // namespace encoder_bfloat16_test
}  // namespace madx

#include <gmock/gmock.h>
#include <torch/utils.h>

#include "../support.h"
#include "madx/models/mlm_head.h"
#include "models/tiny_encoder.h"

namespace madx {
namespace encoder_int8_test {

using testing::HasSubstr;

EncoderConfig config_for_int8() {
  auto config = tiny_config();
  config.hidden_size = 64;
  config.num_attention_heads = 4;
  config.intermediate_size = 96;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
  return config;
}

class EncoderInt8 : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  }
  static TensorMap weights() {
    auto weights = random_weights(config_for_int8());
    weights["encoder.layer.0.output.LayerNorm.bias"][17] = 40;  // a column that outgrows all others
    return weights;
  }
  static Encoder make(WeightForm form) {
    return io::make_encoder(config_for_int8(), weights(), "test", form);
  }
  static PackedBatch batch() {
    auto batch = pack({{0, 7, 9, 30, 2}, {0, 41, 2}, {0, 8, 77, 101, 6, 99, 2}});
    batch.read_rows = at::tensor({int64_t{1}, int64_t{3}, int64_t{6}, int64_t{9}, int64_t{12}});
    return batch;
  }
  static double relative(const at::Tensor& ours, const at::Tensor& theirs) {
    EXPECT_GT(theirs.norm().item<double>(), 0);
    return ((ours - theirs).norm() / theirs.norm()).item<double>();
  }
};

TEST_F(EncoderInt8, GivesHiddenStatesNearThoseOfFloat32) {
  torch::NoGradGuard no_grad;
  const auto int8 = make(WeightForm::kInt8), exact = make(WeightForm::kFloat32);
  EXPECT_EQ(int8->dtype(), at::kChar);
  const auto ours = int8->forward(batch());
  EXPECT_EQ(ours.scalar_type(), at::kFloat);
  EXPECT_LT(relative(ours, exact->forward(batch())), 4e-2);
}

TEST_F(EncoderInt8, GivesGradientsNearThoseOfFloat32) {
  const auto config = config_for_int8();
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
    head->loss(encoder->forward(batch(), *adapters), encoder->output_embeddings(), targets,
               adapters->invertible())
        .backward();
    std::vector<at::Tensor> parts;
    for (const auto& weight : adapters->parameters()) parts.push_back(weight.grad().flatten());
    return at::cat(parts).clone();
  };
  const auto weights = random_weights(config);
  const auto of = [&](WeightForm form) {
    return gradient(io::make_encoder(config, weights, "test", form));
  };
  // Weights of 0.3 make small differences large; those of real encoders do not.
  const auto ours = of(WeightForm::kInt8), theirs = of(WeightForm::kFloat32);
  EXPECT_LT(relative(ours, theirs), 0.3);
  EXPECT_GT(at::cosine_similarity(ours, theirs, /*dim=*/0).item<double>(), 0.97);
}

TEST_F(EncoderInt8, HasItsOutputEmbeddingInFloat32) {
  const auto encoder = make(WeightForm::kInt8);
  const auto table = encoder->output_embeddings();
  EXPECT_EQ(table.scalar_type(), at::kFloat);
  EXPECT_LT(relative(table, make(WeightForm::kFloat32)->output_embeddings()), 1e-2);
  const auto ids = at::tensor({int64_t{251}, int64_t{0}, int64_t{30}});
  EXPECT_TRUE(at::equal(encoder->output_embeddings(ids), table.index_select(0, ids)));
}

TEST_F(EncoderInt8, NamesItsWeightsAsTheyWereRounded) {
  const auto theirs = io::hugging_face_weights(make(WeightForm::kFloat32)),
             ours = io::hugging_face_weights(make(WeightForm::kInt8));
  for (const auto& item : theirs) {
    EXPECT_EQ(ours[item.key()].scalar_type(), at::kFloat) << item.key();
    EXPECT_LT(relative(ours[item.key()], item.value()), 1.5e-2) << item.key();
  }
}

TEST_F(EncoderInt8, DoesNotTrainItsOwnWeights) {
  EXPECT_THAT(torch_error_of([] { make(WeightForm::kInt8)->unfreeze(); }),
              HasSubstr("expected float32 weights to train, but they are Char"));
}

TEST_F(EncoderInt8, AsksForOneLayerAtATimeAndTellsWhatItHasRead) {
  const auto config = config_for_int8();
  auto weights = io::import_encoder(config, random_weights(config), "test");
  const auto layer = weights.layer;
  std::vector<std::string> events;
  weights.layer = [&](int64_t index) {
    events.push_back("layer " + std::to_string(index));
    return layer(index);
  };
  weights.done = [&](const at::Tensor& weight) {
    events.push_back("done " + std::to_string(weight.size(0)));
  };
  Encoder(config, weights, WeightForm::kInt8);
  const std::vector<std::string> of_a_layer = {"done 64", "done 64", "done 64",
                                               "done 64", "done 96", "done 64"};
  std::vector<std::string> expected = {"done 252"};
  for (const auto* name : {"layer 0", "layer 1"}) {
    expected.push_back(name);
    expected.insert(expected.end(), of_a_layer.begin(), of_a_layer.end());
  }
  EXPECT_EQ(events, expected);
}

TEST_F(EncoderInt8, SharesItsOutputEmbeddingsWithItsCopies) {
  const auto encoder = make(WeightForm::kInt8);
  const auto before = *encoder;
  const auto& made = encoder->output_embeddings();
  const auto after = *encoder;
  for (const auto* copy : {&before, &after}) {
    ASSERT_TRUE(copy->output_embeddings().defined());
    EXPECT_TRUE(copy->output_embeddings().is_same(made));
  }
}

TEST_F(EncoderInt8, RefusesSizesThatDoNotFit) {
  EXPECT_EQ(input_error_of([] {
              io::make_encoder(tiny_config(), random_weights(tiny_config()), "tiny",
                               WeightForm::kInt8);
            }),
            "tiny: for int8, expected sizes that are multiples of 16, but found hidden_size 12 and "
            "intermediate_size 20; use float32");
}

TEST(Int8Encoder, IsRefusedWithItsReasonWhereNothingMultipliesIt) {
  if (cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies int8";
  EXPECT_THAT(input_error_of([] {
                io::make_encoder(config_for_int8(), random_weights(config_for_int8()), "tiny",
                                 WeightForm::kInt8);
              }),
              HasSubstr("int8: expected a processor that multiplies it"));
}

}  // namespace encoder_int8_test
}  // namespace madx

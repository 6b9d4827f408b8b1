#include "madx/models/encoder.h"

#include <gmock/gmock.h>

#include "../support.h"
#include "madx/io/encoder_names.h"
#include "tiny_encoder.h"

namespace madx {
namespace encoder_test {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Sequences = std::vector<std::vector<int64_t>>;

const Sequences kSequences = {
    {0, 17, 200, 9, 2}, {0, 2}, {0, 31, 32, 33, 34, 35, 36, 2}, {0, 9, 9, 9, 2}};

class EncoderTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(13);
    for (const std::string name : {"la", "ta"}) {
      auto config = named_config(name == "la" ? "houlsby+inv" : "pfeiffer");
      config.reduction_factor = 3;
      const at::NoGradGuard no_grad;
      for (auto& weight : adapters_->add(name, config)->parameters()) weight.normal_(0, 0.2);
    }
    adapters_->activate({"la", "ta"});
  }

  at::Tensor run(const PackedBatch& batch) {
    const at::NoGradGuard no_grad;
    return encoder_->forward(batch, *adapters_);
  }

  Encoder encoder_ = tiny_encoder();
  AdapterStack adapters_{/*hidden_size=*/12, /*num_layers=*/2};
};

TEST_F(EncoderTest, GivesASequenceTheSameStatesAloneAndInABatch) {
  const auto batch = pack(kSequences);
  EXPECT_EQ(batch.rows(), 20);
  EXPECT_EQ(batch.sequences(), 4);
  const auto together = run(batch);
  ASSERT_EQ(together.sizes(), (std::vector<int64_t>{20, 12}));
  for (size_t s = 0; s < kSequences.size(); ++s) {
    const auto size = static_cast<int64_t>(kSequences[s].size());
    expect_close(run(pack({kSequences[s]})), together.narrow(0, batch.offsets[s], size), 1e-6);
  }
}

TEST_F(EncoderTest, GivesTheSameRowsWhenOnlySomeAreRead) {
  auto batch = pack(kSequences);
  const auto all = run(batch);
  for (const auto& rows :
       {std::vector<int64_t>{1, 3, 8, 19}, {0}, {5, 6}, {7, 8, 9, 10, 11, 12, 13, 14}}) {
    batch.read_rows = at::tensor(rows);
    expect_close(run(batch), all.index_select(0, batch.read_rows), 1e-6);
  }
  batch.read_rows = at::empty({0}, at::kLong);
  EXPECT_EQ(run(batch).sizes(), (std::vector<int64_t>{0, 12}));
  batch.read_rows = at::tensor({1, 99, 3, 99, 8, 99}, at::kLong).view({3, 2}).select(1, 0);
  expect_close(run(batch), all.index_select(0, batch.read_rows), 1e-6);
}

TEST_F(EncoderTest, GivesTheStatesAfterEachLayer) {
  auto batch = pack(kSequences);
  const auto last = run(batch);
  batch.read_rows = at::tensor({1, 3});
  const auto states = encoder_->layer_states(batch, *adapters_->active_plan());
  ASSERT_EQ(states.size(), 2u);
  EXPECT_TRUE(at::equal(states[1], last));
  // The first layer alone, of an encoder that has no other.
  auto config = encoder_->config();
  config.num_hidden_layers = 1;
  Encoder first(config, encoder_->weights());
  AdapterStack below(12, 1);
  for (const std::string name : {"la", "ta"}) {
    auto set = below->add(name, adapters_->get(name)->options.config());
    const at::NoGradGuard no_grad;
    for (const auto& [key, weight] : set->named_tensors()) {
      for (const auto& [from, value] : adapters_->get(name)->named_tensors())
        if (from == key) weight.copy_(value);
    }
  }
  below->activate({"la", "ta"});
  expect_close(states[0], first->forward(pack(kSequences), *below), 1e-6);
}

TEST_F(EncoderTest, RefusesRowsToReadThatAreOutOfOrderOrNotThere) {
  auto batch = pack(kSequences);
  for (const auto& rows : {std::vector<int64_t>{8, 1}, {3, 1, 1}, {1, 1}, {20}, {-1, 3}}) {
    batch.read_rows = at::tensor(rows);
    EXPECT_THAT(torch_error_of([&] { run(batch); }),
                HasSubstr("Encoder: expected read_rows below 20 rows, ascending, each once"));
  }
}

TEST_F(EncoderTest, RefusesABatchWhoseOffsetsAreNotItsRows) {
  const auto error = [&](const RowOffsets& offsets) {
    auto batch = pack(kSequences);
    batch.offsets = offsets;
    return torch_error_of([&] { run(batch); });
  };
  for (const auto& offsets : {RowOffsets{}, RowOffsets{2, 20}, RowOffsets{0, 12, 7, 20}})
    EXPECT_THAT(error(offsets), HasSubstr("Encoder: expected offsets that begin with 0"));
  EXPECT_THAT(error({0, 5, 19}),
              HasSubstr("Encoder: expected 19 input ids, where the offsets end, but got [20]"));
}

TEST_F(EncoderTest, IsFrozen) {
  EXPECT_FALSE(encoder_->is_training());
  for (const auto& weight : encoder_->parameters()) EXPECT_FALSE(weight.requires_grad());
  const auto batch = pack(kSequences);
  EXPECT_FALSE(encoder_->forward(batch).requires_grad());
  encoder_->forward(batch, *adapters_).sum().backward();
  for (const auto& item : encoder_->named_parameters()) {
    EXPECT_FALSE(item.value().grad().defined()) << item.key();
  }
  for (const auto& item : adapters_->named_parameters()) {
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
}

TEST_F(EncoderTest, SavesNothingForBackwardBelowTheLowestTrainedParameter) {
  auto config = named_config("pfeiffer");
  config.leave_out = {0};
  adapters_->add("top", config);
  adapters_->activate({"top"});
  EXPECT_FALSE(encoder_->embed(pack(kSequences), *adapters_).requires_grad());
  EXPECT_TRUE(encoder_->forward(pack(kSequences), *adapters_).requires_grad());
}

TEST_F(EncoderTest, TrainsWholeOnceUnfrozen) {
  encoder_->unfreeze();
  const auto before = encoder_->forward(pack(kSequences)).detach();
  encoder_->forward(pack(kSequences)).square().sum().backward();
  for (auto& item : encoder_->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<double>(), 0) << item.key();
    const at::NoGradGuard no_grad;
    item.value().sub_(item.value().grad(), 0.01);
  }
  EXPECT_GT((encoder_->forward(pack(kSequences)) - before).abs().max().item<double>(), 1e-3);
}

TEST_F(EncoderTest, DropsOutWhileTrainingAlone) {
  const auto batch = pack(kSequences);
  const auto quiet = run(batch);
  EXPECT_TRUE(at::equal(run(batch), quiet));
  encoder_->train();
  const auto noisy = run(batch);
  EXPECT_FALSE(at::equal(noisy, quiet));
  EXPECT_FALSE(at::equal(run(batch), noisy));
  encoder_->eval();
  EXPECT_TRUE(at::equal(run(batch), quiet));

  auto config = tiny_config();
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
  auto without = tiny_encoder(config);
  without->train();
  EXPECT_TRUE(at::equal(without->forward(batch, *adapters_), quiet));
}

TEST_F(EncoderTest, TrainsWithItsDropoutOffWhereAsked) {
  const auto batch = pack(kSequences);
  const auto quiet = run(batch);
  encoder_->use_dropout(false);
  encoder_->train();
  EXPECT_TRUE(at::equal(run(batch), quiet));
}

TEST_F(EncoderTest, GivesTheSameGradientsWithGradientCheckpointing) {
  auto batch = pack(kSequences);
  batch.read_rows = at::tensor(std::vector<int64_t>{1, 3, 8, 19});
  encoder_->train();
  const auto gradients = [&](bool checkpointing) {
    encoder_->use_gradient_checkpointing(checkpointing);
    torch::manual_seed(3);
    adapters_->zero_grad();
    encoder_->forward(batch, *adapters_).square().sum().backward();
    std::vector<at::Tensor> gradients = {at::randn({2})};  // the generator goes on alike
    for (const auto& weight : adapters_->get("la")->parameters())
      gradients.push_back(weight.grad().clone());
    return gradients;
  };
  const auto kept = gradients(false), recomputed = gradients(true);
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_GT(kept[i].abs().sum().item<double>(), 0);
    EXPECT_TRUE(at::equal(recomputed[i], kept[i])) << i;
  }
}

TEST_F(EncoderTest, AppliesTheInvertibleAdapterToTheEmbeddings) {
  const auto batch = pack(kSequences);
  const at::NoGradGuard no_grad;
  const auto with = encoder_->embed(batch, *adapters_);
  adapters_->use_invertible(false);
  const auto without = encoder_->embed(batch, *adapters_);
  adapters_->use_invertible(true);
  EXPECT_TRUE(at::equal(with, adapters_->invertible()->forward(without)));
  EXPECT_FALSE(at::equal(with, without));
}

TEST_F(EncoderTest, CountsPositionsFromThePaddingIdOrFromZero) {
  EXPECT_EQ(tiny_config().first_position(), 2);
  EXPECT_EQ(tiny_config().max_length(), 18);
  auto bert = tiny_config();
  bert.model_type = "bert";
  bert.pad_token_id = 0;
  EXPECT_EQ(bert.max_length(), 20);
  const std::vector<int64_t> longest(18, 5);
  EXPECT_EQ(run(pack({longest})).size(0), 18);
  EXPECT_GT((run(pack({longest}))[0] - run(pack({longest}))[1]).abs().max().item<double>(), 1e-3);
  EXPECT_EQ(tiny_encoder(bert)->forward(pack({std::vector<int64_t>(20, 5)})).size(0), 20);
}

TEST_F(EncoderTest, NamesTheSequenceThatIsTooLong) {
  EXPECT_THAT(torch_error_of([&] {
                run(pack({{0, 2}, std::vector<int64_t>(19, 5)}));
              }),
              HasSubstr("Encoder: expected sequences of at most 18 tokens, but sequence 1 has 19"));
}

TEST_F(EncoderTest, RefusesAPlanOfAnotherShape) {
  const auto error_of = [&](int64_t hidden, int64_t layers, bool embeds = false) {
    AdapterStack bank(hidden, layers);
    const auto batch = pack({{0, 17, 2}});
    return torch_error_of(
        [&] { embeds ? encoder_->embed(batch, *bank) : encoder_->forward(batch, *bank); });
  };
  EXPECT_EQ(error_of(12, 1),
            "Encoder: expected a plan for 2 layers of hidden size 12, but got one for 1 of 12");
  EXPECT_THAT(error_of(12, 3), HasSubstr("but got one for 3 of 12"));
  EXPECT_THAT(error_of(6, 2, /*embeds=*/true), HasSubstr("but got one for 2 of 6"));
  EXPECT_EQ(error_of(12, 2), "");
}

TEST_F(EncoderTest, NamesTheWeightThatIsMissingOrMisshapen) {
  auto config = tiny_config();
  const auto weights = random_weights(config);
  const auto error = [&] {
    return input_error_of([&] { io::make_encoder(config, weights, "dir/model.safetensors"); });
  };
  config.num_hidden_layers = 3;
  EXPECT_THAT(error(),
              AllOf(StartsWith("dir/model.safetensors: expected a weight \"encoder.layer.2."),
                    HasSubstr(", but there is none")));
  config = tiny_config();
  config.intermediate_size = 24;
  EXPECT_THAT(error(),
              AllOf(HasSubstr("expected \"encoder.layer.0.intermediate.dense."),
                    HasSubstr(" of shape [24"), HasSubstr(" by config.json, but found [20")));
  config = tiny_config();
  config.num_hidden_layers = 1;
  EXPECT_THAT(error(), HasSubstr("expected 1 layers by config.json, but found more"));
}

}  // namespace encoder_test
}  // namespace madx

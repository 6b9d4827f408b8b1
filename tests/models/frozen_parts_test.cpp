// An encoder that learns by masked LM, in whole or in part: which tensors move, and gradients of a
// table that is both ends of it.
#include "madx/models/frozen_parts.h"

#include <gmock/gmock.h>

#include <set>

#include "../support.h"
#include "madx/models/mlm_head.h"
#include "madx/train/adamw.h"
#include "tiny_encoder.h"

namespace madx {
namespace frozen_parts_test {

using testing::HasSubstr;

/// A tiny encoder under a head, and one batch.
struct Model {
  explicit Model(bool own_output = false, int64_t vocabulary = 32) {
    auto config = tiny_config();
    config.vocab_size = vocabulary;
    auto weights = random_weights(config);
    if (own_output) weights.insert("lm_head.decoder.weight", at::randn({vocabulary, 12}));
    encoder = io::make_encoder(config, weights, "tiny encoder");
    head = MlmHead(MlmHeadOptions(12, vocabulary));
    head->bias.detach().normal_();
    batch = pack({{0, 7, 31, 9, 2}, {0, 31, 5, 2}});
    batch.read_rows = at::tensor({2, 3, 6}, at::kLong);
  }
  at::Tensor loss(const SoftmaxVocabulary& vocabulary) {
    return head->loss(encoder->forward(batch, *adapters), vocabulary, targets, *adapters, batch);
  }
  at::Tensor loss() { return loss(SoftmaxVocabulary(encoder)); }

  /// Every tensor by its name, copied.
  std::map<std::string, at::Tensor> copies() const {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& item : encoder->named_parameters())
      tensors[item.key()] = item.value().detach().clone();
    tensors["output_embeddings"] = encoder->output_embeddings().detach().clone();
    return tensors;
  }
  /// Steps with all that learns.
  void train(int steps) {
    std::vector<at::Tensor> tensors = head->parameters();
    for (const auto& entry : learning_weights(encoder)) tensors.push_back(entry.second);
    AdamW optimizer(tensors, /*weight_decay=*/0.1);
    for (int step = 0; step < steps; ++step) {
      loss().backward();
      optimizer.step_and_clear(/*lr=*/0.01);
    }
  }

  Encoder encoder{nullptr};
  AdapterStack adapters{/*hidden_size=*/12, /*num_layers=*/2};
  MlmHead head{nullptr};
  PackedBatch batch;
  at::Tensor targets = at::tensor({8, 30, 8}, at::kLong);
};

/// The names of what a training changes.
std::set<std::string> changed_by_training(const FrozenParts& frozen, bool own_output = false) {
  Model model(own_output);
  unfreeze(model.encoder, frozen);
  const auto before = model.copies();
  model.train(3);
  std::set<std::string> changed;
  for (const auto& [name, tensor] : model.copies())
    if (!at::equal(tensor, before.at(name))) changed.insert(name);
  return changed;
}

TEST(FrozenParts, LeaveTheirTensorsBitForBit) {
  for (const bool embeddings : {false, true}) {
    for (const int64_t layers : {0, 1, 2}) {
      SCOPED_TRACE(std::to_string(layers) + (embeddings ? " and embeddings" : ""));
      std::set<std::string> expected;
      const auto parameters = tiny_encoder()->named_parameters();
      for (const auto& item : parameters) {
        const auto& name = item.key();
        const bool of_embeddings = name.compare(0, 11, "embeddings_") == 0;
        const bool frozen = of_embeddings ? embeddings : name[5] - '0' < layers;
        if (!frozen) expected.insert(name);
      }
      if (!embeddings) expected.insert("output_embeddings");  // the word embeddings
      EXPECT_EQ(changed_by_training({embeddings, layers}), expected);
    }
  }
}

TEST(FrozenParts, OfAnOutputLayerOfItsOwnAreTheEmbeddings) {
  EXPECT_EQ(changed_by_training({false, 2}, true).count("output_embeddings"), 1u);
  EXPECT_EQ(changed_by_training({true, 0}, true).count("output_embeddings"), 0u);
  Model model(/*own_output=*/true);
  unfreeze(model.encoder, {});
  EXPECT_EQ(learning_weights(model.encoder).back().first, "output_embeddings");
  EXPECT_EQ(learning_weights(model.encoder).size(), model.encoder->parameters().size() + 1);
  unfreeze(model.encoder, {true, 0});
  EXPECT_FALSE(model.encoder->output_embeddings().requires_grad());
}

TEST(FrozenParts, AreAtMostAllLayers) {
  auto encoder = tiny_encoder();
  for (const int64_t layers : {-1, 3}) {
    EXPECT_THAT(torch_error_of([&] {
                  unfreeze(encoder, {false, layers});
                }),
                HasSubstr("unfreeze: expected 0 to 2 layers to stay frozen, but got " +
                          std::to_string(layers)));
  }
  EXPECT_TRUE(learning_weights(encoder).empty()) << "as it was";
}

TEST(TiedEmbedding, HasTheGradientsOfDifferencesThroughBothEnds) {
  for (const bool own_output : {false, true}) {
    Model model(own_output);
    model.encoder->to(at::kDouble);
    model.head->to(at::kDouble);
    unfreeze(model.encoder, {});
    const SoftmaxVocabulary some(model.encoder, {0, 3, 8, 9, 17, 30});
    const auto words = model.encoder->word_embeddings(),
               output = model.encoder->output_embeddings();
    const auto inputs =
        own_output ? std::vector<at::Tensor>{words, output} : std::vector<at::Tensor>{words};
    expect_gradients_of_differences([&] { return model.loss(); }, inputs);
    expect_gradients_of_differences([&] { return model.loss(some); }, inputs);
  }
}

TEST(AllWeights, HaveTheGradientsOfDifferences) {
  Model model;
  model.encoder->to(at::kDouble);
  model.head->to(at::kDouble);
  unfreeze(model.encoder, {});
  std::vector<at::Tensor> inputs = model.head->parameters();
  for (const auto& item : model.encoder->named_parameters())
    if (item.value().dim() == 1) inputs.push_back(item.value());
  expect_gradients_of_differences([&] { return model.loss(); }, inputs);
}

}  // namespace frozen_parts_test
}  // namespace madx

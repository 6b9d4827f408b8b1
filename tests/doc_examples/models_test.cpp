// An encoder made of weights, what goes in and out of it, and heads.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "madx/madx.h"
#include "madx/models/batch_part.h"

namespace madx {
namespace models_examples {

/// An encoder of one layer, of random weights.
Encoder small_encoder() {
  torch::manual_seed(1);
  //! [encoder]
  EncoderConfig config;
  config.vocab_size = 40;
  config.hidden_size = 8;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.intermediate_size = 16;
  config.max_position_embeddings = 20;

  const auto linear = [](int64_t out, int64_t in) {
    return LayerWeights{at::randn({out, in}) * 0.3, at::randn({out}) * 0.3};
  };
  const LayerWeights norm{at::ones({8}), at::zeros({8})};
  EncoderWeights weights;
  weights.words = at::randn({40, 8});
  weights.positions = at::randn({20, 8});
  weights.types = at::randn({1, 8});
  weights.norm = norm;
  weights.layer = [&](int64_t) {
    return EncoderLayerWeights{linear(8, 8), linear(8, 8),  linear(8, 8),  linear(8, 8),
                               norm,         linear(16, 8), linear(8, 16), norm};
  };
  Encoder encoder(config, weights, WeightForm::kFloat32);
  //! [encoder]
  return encoder;
}

TEST(ModelsExample, ABatchIsSharedOut) {
  const auto encoder = small_encoder();
  //! [batch part]
  const PackedBatch whole = pack({{0, 5, 6, 2}, {0, 7, 2}, {0, 8, 2}});
  const auto shares = share_out(whole.offsets, /*parts=*/2);  // {0}, {1, 2}
  const BatchPart part = take_part(whole, shares[1]);
  const auto hidden = encoder->forward(part.batch);  // as in the whole batch, dropout included
  //! [batch part]
  EXPECT_TRUE(at::allclose(hidden, encoder->forward(whole).narrow(0, 4, 6), 1e-4, 1e-5));
}

TEST(ModelsExample, SequencesArePackedWithoutPadding) {
  const auto encoder = small_encoder();
  //! [forward]
  PackedBatch batch = pack({{0, 5, 6, 2}, {0, 7, 2}});
  const auto all = encoder->forward(batch);  // (7, hidden)
  batch.read_rows = at::tensor({0, 4}, at::kLong);
  const auto first = encoder->forward(batch);  // of each sequence's first token: (2, hidden)
  //! [forward]
  EXPECT_EQ(all.size(0), batch.rows());
  EXPECT_TRUE(at::allclose(first, all.index_select(0, batch.read_rows), 1e-4, 1e-5));
  //! [layer]
  const auto layer = std::dynamic_pointer_cast<EncoderLayerImpl>(encoder->children().front());
  //! [layer]
  ASSERT_NE(layer, nullptr);
  EXPECT_FALSE(layer->learns({}));
}

TEST(ModelsExample, ABatchIsOrderedByPath) {
  AdapterStack adapters(/*hidden_size=*/8, /*num_layers=*/1);
  adapters->add("en", named_config("pfeiffer"));
  adapters->add("sw", named_config("pfeiffer"));
  //! [route]
  PackedBatch batch = pack({{0, 5, 2}, {0, 6, 2}, {0, 7, 2}});
  batch.languages = {"en", "sw", "en"};
  const RoutedBatch routed = route(batch, *adapters->plan({kLanguage}));  // the two of en together
  //! [route]
  ASSERT_EQ(routed.groups.size(), 2u);
  EXPECT_EQ(routed.groups[0].rows, 6);
  EXPECT_TRUE(at::equal(routed.restore(routed.batch.input_ids), batch.input_ids));
}

TEST(ModelsExample, HeadsReadHiddenStates) {
  const auto encoder = small_encoder();
  const auto h = encoder->forward(pack({{0, 5, 6, 2}}));
  //! [heads]
  TaggingHead tags(TaggingHeadOptions(/*hidden_size=*/8, {"O", "B-PER", "I-PER"}));
  ClassificationHead classes(ClassificationHeadOptions(/*hidden_size=*/8, {"no", "yes"}));
  MlmHead words(MlmHeadOptions(/*hidden_size=*/8, /*vocab_size=*/40));

  const auto of_words = tags->forward(h);                    // (4, labels)
  const auto of_text = classes->forward(h.narrow(0, 0, 1));  // (1, classes)
  const auto of_vocabulary = words->logits(h, encoder->output_embeddings(), nullptr);  // (4, 40)
  //! [heads]
  EXPECT_EQ(of_words.sizes(), at::IntArrayRef({4, 3}));
  EXPECT_EQ(of_text.sizes(), at::IntArrayRef({1, 2}));
  EXPECT_EQ(of_vocabulary.sizes(), at::IntArrayRef({4, 40}));
  const std::shared_ptr<TaggingHeadImpl> tagging = tags.ptr();
  const std::shared_ptr<ClassificationHeadImpl> classification = classes.ptr();
  const std::shared_ptr<MlmHeadImpl> masked_lm = words.ptr();
  EXPECT_GT(tagging->loss(h, at::zeros({4}, at::kLong)).item<double>(), 0);
  EXPECT_GT(classification->loss(h, at::zeros({4}, at::kLong)).item<double>(), 0);
  EXPECT_EQ(masked_lm->bias.numel(), 40);
}

TEST(ModelsExample, TheSoftmaxMayBeOverSomeSubWords) {
  const auto encoder = small_encoder();
  //! [softmax vocabulary]
  const SoftmaxVocabulary some(encoder, /*ids=*/{0, 2, 5, 6});
  const auto places = some.places(at::tensor({5, 6}, at::kLong));  // where ids are in the softmax
  //! [softmax vocabulary]
  EXPECT_TRUE(at::equal(places, at::tensor({2, 3}, at::kLong)));
  EXPECT_EQ(some.embedding().size(0), 4);
}

TEST(ModelsExample, AnEncoderLearnsInPart) {
  auto encoder = small_encoder();
  //! [unfreeze]
  FrozenParts frozen;
  frozen.embeddings = true;
  unfreeze(encoder, frozen);
  const auto learning = learning_weights(encoder);
  //! [unfreeze]
  EXPECT_FALSE(learning.empty());
  EXPECT_FALSE(encoder->word_embeddings().requires_grad());
}

}  // namespace models_examples
}  // namespace madx

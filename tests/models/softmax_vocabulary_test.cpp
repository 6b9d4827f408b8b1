// Masked LM's softmax over some of the sub-words: against plain sums in double, and over all of
// them the bits of the head's loss with the whole output embedding.
#include "madx/models/softmax_vocabulary.h"

#include <gmock/gmock.h>

#include "../support.h"
#include "madx/models/mlm_head.h"
#include "tiny_encoder.h"

namespace madx {
namespace softmax_vocabulary_test {

using testing::HasSubstr;

const std::vector<int64_t> kSome = {0, 2, 3, 17, 40, 41, 99, 250, 251};

at::Tensor ids_of(const std::vector<int64_t>& ids) { return at::tensor(ids, at::kLong); }

/// Mean of -log softmax over the rows `ids` of the embedding, in double, one number at a time.
double plain_loss(const at::Tensor& x, const at::Tensor& embedding, const at::Tensor& bias,
                  const std::vector<int64_t>& ids, const std::vector<int64_t>& targets) {
  double sum = 0;
  const auto logit = [&](int64_t row, int64_t id) {
    double value = bias[id].item<double>();
    for (int64_t i = 0; i < x.size(1); ++i)
      value += x[row][i].item<double>() * embedding[id][i].item<double>();
    return value;
  };
  for (int64_t row = 0; row < x.size(0); ++row) {
    double shares = 0;
    for (const auto id : ids) shares += std::exp(logit(row, id));
    sum += std::log(shares) - logit(row, targets[static_cast<size_t>(row)]);
  }
  return sum / static_cast<double>(x.size(0));
}

class SoftmaxVocabularyTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(3);
    head_->bias.detach().normal_();
    for (auto& weight : head_->parameters()) weight.requires_grad_(false);
    h_ = at::randn({4, 12});
    batch_ = pack({{0, 30, 31, 2}});
  }
  at::Tensor loss(const SoftmaxVocabulary& vocabulary, const at::Tensor& h) {
    return head_->loss(h, vocabulary, ids_of(targets_), *adapters_, batch_);
  }

  Encoder encoder_ = tiny_encoder();
  AdapterStack adapters_{/*hidden_size=*/12, /*num_layers=*/2};
  MlmHead head_{MlmHeadOptions(12, 252)};
  at::Tensor h_;
  PackedBatch batch_;
  const std::vector<int64_t> targets_ = {17, 250, 3, 17};
};

TEST_F(SoftmaxVocabularyTest, OverAllIsTheEncodersOwnTableAndTheSameBits) {
  const SoftmaxVocabulary all(encoder_);
  EXPECT_TRUE(all.is_whole());
  EXPECT_EQ(all.size(), 252);
  EXPECT_TRUE(all.embedding().is_same(encoder_->output_embeddings())) << "no copy";
  EXPECT_TRUE(all.bias(head_->bias).is_same(head_->bias));
  const auto targets = ids_of(targets_);
  EXPECT_TRUE(all.places(targets).is_same(targets));

  for (const bool bias_learns : {false, true}) {
    head_->bias.requires_grad_(bias_learns);
    auto ours = h_.clone().requires_grad_(true), theirs = h_.clone().requires_grad_(true);
    const auto loss_of_all = loss(all, ours);
    const auto before =
        head_->loss(theirs, encoder_->output_embeddings(), targets, *adapters_, batch_);
    EXPECT_TRUE(at::equal(loss_of_all, before));
    loss_of_all.backward();
    const auto bias_gradient = head_->bias.grad();
    head_->bias.mutable_grad() = at::Tensor();
    before.backward();
    EXPECT_TRUE(at::equal(ours.grad(), theirs.grad()));
    if (bias_learns) {
      EXPECT_TRUE(at::equal(bias_gradient, head_->bias.grad()));
    }
    head_->bias.mutable_grad() = at::Tensor();
  }
}

TEST_F(SoftmaxVocabularyTest, OverAllByTheirIdsHasTheSameLoss) {
  std::vector<int64_t> all(252);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_TRUE(
      at::equal(loss(SoftmaxVocabulary(encoder_, all), h_), loss(SoftmaxVocabulary(encoder_), h_)));
}

TEST_F(SoftmaxVocabularyTest, GathersRowsEntriesAndPlaces) {
  const SoftmaxVocabulary some(encoder_, kSome);
  EXPECT_FALSE(some.is_whole());
  EXPECT_EQ(some.size(), 9);
  EXPECT_EQ(some.encoder_size(), 252);
  for (size_t i = 0; i < kSome.size(); ++i) {
    EXPECT_TRUE(at::equal(some.embedding()[static_cast<int64_t>(i)],
                          encoder_->output_embeddings()[kSome[i]]));
    EXPECT_TRUE(at::equal(some.bias(head_->bias)[static_cast<int64_t>(i)], head_->bias[kSome[i]]));
  }
  EXPECT_TRUE(some.embedding().is_same(some.embedding())) << "gathered once";
  EXPECT_TRUE(at::equal(some.places(ids_of({251, 0, 40, 40})), ids_of({8, 0, 4, 4})));
  EXPECT_EQ(some.places(at::empty({0}, at::kLong)).numel(), 0);
}

TEST_F(SoftmaxVocabularyTest, HasTheLossOfSumsInDouble) {
  for (const auto& ids : {kSome, std::vector<int64_t>{3, 17, 250}}) {
    const auto x = head_->transform(h_, *adapters_, batch_);
    const auto expected = plain_loss(x, encoder_->output_embeddings(), head_->bias, ids, targets_);
    const auto ours = loss(SoftmaxVocabulary(encoder_, ids), h_).item<double>();
    EXPECT_NEAR(ours, expected, 1e-5);
    EXPECT_LT(ours, loss(SoftmaxVocabulary(encoder_), h_).item<double>());
  }
}

TEST_F(SoftmaxVocabularyTest, HasTheGradientsOfDifferences) {
  encoder_->to(at::kDouble);
  head_->to(at::kDouble);
  const SoftmaxVocabulary some(encoder_, kSome);
  h_ = h_.to(at::kDouble).requires_grad_(true);
  head_->bias.requires_grad_(true);
  expect_gradients_of_differences([&] { return loss(some, h_); }, {h_, head_->bias});
  const auto gradient = head_->bias.grad();
  auto outside = at::ones({252}, at::kBool);
  outside.index_fill_(0, ids_of(kSome), false);
  EXPECT_EQ(gradient.masked_select(outside).abs().max().item<double>(), 0);
  EXPECT_GT(gradient.index_select(0, ids_of(kSome)).abs().min().item<double>(), 0);
}

TEST_F(SoftmaxVocabularyTest, TakesTheRowsOfAnEncoderInBfloat16) {
  encoder_ = io::make_encoder(tiny_config(), random_weights(tiny_config()), "tiny encoder",
                              WeightForm::kBfloat16);
  const auto x = head_->transform(h_, *adapters_, batch_);
  const auto expected = plain_loss(x, encoder_->output_embeddings(), head_->bias, kSome, targets_);
  EXPECT_NEAR(loss(SoftmaxVocabulary(encoder_, kSome), h_).item<double>(), expected, 1e-5);
}

TEST_F(SoftmaxVocabularyTest, PassesGradientsToATableThatLearns) {
  auto config = tiny_config();
  config.vocab_size = 32;
  auto encoder = tiny_encoder(config);
  MlmHead head(MlmHeadOptions(12, 32));
  encoder->to(at::kDouble);
  head->to(at::kDouble);
  for (auto& weight : head->parameters()) weight.requires_grad_(false);
  h_ = h_.to(at::kDouble);
  const auto loss = [&](const SoftmaxVocabulary& vocabulary) {
    return head->loss(h_, vocabulary, ids_of({17, 30, 3, 17}), *adapters_, batch_);
  };
  const std::vector<int64_t> some = {0, 3, 8, 17, 30};
  const SoftmaxVocabulary made_before(encoder, some), all(encoder);
  auto table = encoder->word_embeddings();
  table.requires_grad_(true);
  const SoftmaxVocabulary made_after(encoder, some);
  for (const auto* vocabulary : {&made_before, &made_after, &all})
    expect_gradients_of_differences([&] { return loss(*vocabulary); }, {table});

  const auto before = loss(made_after);
  const torch::NoGradGuard no_grad;
  expect_close(loss(made_after), before, 1e-12);
  table.mul_(1.5);
  EXPECT_GT((loss(made_after) - before).abs().item<double>(), 1e-3) << "what it has learned";
  EXPECT_TRUE(at::equal(loss(made_after), loss(made_before)));
}

TEST_F(SoftmaxVocabularyTest, RefusesTargetsThatItIsNotOver) {
  const SoftmaxVocabulary some(encoder_, kSome);
  for (const int64_t strange : {1, 98, 252, -1}) {
    EXPECT_EQ(torch_error_of([&] {
                some.places(ids_of({17, strange}));
              }),
              "SoftmaxVocabulary: expected targets among its 9 sub-words, but got " +
                  std::to_string(strange) + "; make it of every text that targets come from");
  }
}

TEST_F(SoftmaxVocabularyTest, RefusesIdsThatAreNoSetOfTheEncoders) {
  const auto error_of = [&](const std::vector<int64_t>& ids) {
    return torch_error_of([&] { SoftmaxVocabulary(encoder_, ids); });
  };
  EXPECT_THAT(error_of({}), HasSubstr("expected at least one sub-word, but got none"));
  EXPECT_THAT(error_of({4, 3}), HasSubstr("expected sub-words in ascending order, each once"));
  EXPECT_THAT(error_of({4, 4}), HasSubstr("expected sub-words in ascending order, each once"));
  EXPECT_THAT(error_of({4, 252}), HasSubstr("expected sub-words from 0 to 251, but got 4 to 252"));
  EXPECT_THAT(error_of({-1, 4}), HasSubstr("expected sub-words from 0 to 251, but got -1 to 4"));
}

}  // namespace softmax_vocabulary_test
}  // namespace madx

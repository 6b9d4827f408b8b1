// Batches whose sequences are of several languages, and batches that blocks share out: each
// sequence gets what it gets alone, forward and backward.
#include <gmock/gmock.h>

#include "../support.h"
#include "madx/io/encoder_names.h"
#include "madx/models/mlm_head.h"
#include "tiny_encoder.h"

namespace madx {
namespace mixed_languages_test {

using testing::HasSubstr;
using Sequences = std::vector<std::vector<int64_t>>;

const Sequences kSequences = {
    {0, 17, 200, 9, 2}, {0, 2}, {0, 31, 32, 33, 34, 35, 36, 2}, {0, 9, 9, 9, 2}, {0, 44, 45, 2}};
const std::vector<std::string> kLanguages = {"sw", "en", "sw", "rw", "en"};

class MixedLanguages : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(31);
    add(adapters_, "en", "pfeiffer+inv", 2);
    add(adapters_, "sw", "pfeiffer+inv", 3);
    add(adapters_, "rw", "pfeiffer", 2);
    add(adapters_, "fi", "houlsby+inv", 2);
    add(adapters_, "ner", "pfeiffer", 4);
    adapters_->activate({kLanguage, "ner"});
    adapters_->eval();
  }

  static void add(AdapterStack& adapters, const std::string& name, const std::string& config_name,
                  double reduction_factor, double deviation = 0.3) {
    auto config = named_config(config_name);
    config.reduction_factor = reduction_factor;
    const at::NoGradGuard no_grad;
    for (auto& weight : adapters->add(name, config)->parameters()) weight.normal_(0, deviation);
  }

  static PackedBatch mixed(const Sequences& sequences, const std::vector<std::string>& languages) {
    auto batch = pack(sequences);
    batch.languages = languages;
    return batch;
  }

  Encoder encoder_ = tiny_encoder();
  AdapterStack adapters_{/*hidden_size=*/12, /*num_layers=*/2};
};

TEST_F(MixedLanguages, GiveEachSequenceWhatItGetsAlone) {
  const at::NoGradGuard no_grad;
  for (const std::string third : {"rw", "fi"}) {  // fi's adapters take the plain path
    auto languages = kLanguages;
    languages[3] = third;
    const auto batch = mixed(kSequences, languages);
    adapters_->activate({kLanguage, "ner"});
    const auto together = encoder_->forward(batch, *adapters_);
    const auto embedded = encoder_->embed(batch, *adapters_);
    for (size_t s = 0; s < kSequences.size(); ++s) {
      SCOPED_TRACE(languages[s]);
      adapters_->activate({languages[s], "ner"});
      const auto rows = static_cast<int64_t>(kSequences[s].size());
      const auto alone = pack({kSequences[s]});
      expect_close(together.narrow(0, batch.offsets[s], rows), encoder_->forward(alone, *adapters_),
                   1e-6);
      expect_close(embedded.narrow(0, batch.offsets[s], rows), encoder_->embed(alone, *adapters_),
                   1e-6);
    }
  }
}

TEST_F(MixedLanguages, ReadRowsInTheOrderOfTheBatch) {
  const at::NoGradGuard no_grad;
  auto batch = mixed(kSequences, kLanguages);
  const auto all = encoder_->forward(batch, *adapters_);
  for (const auto& rows : {std::vector<int64_t>{1, 3, 8, 19, 23}, {0}, {5, 6}, {}}) {
    batch.read_rows = at::tensor(rows, at::kLong);
    expect_close(encoder_->forward(batch, *adapters_), all.index_select(0, batch.read_rows), 1e-6);
  }
}

TEST_F(MixedLanguages, GradientsAreTheSumOfThoseOfTheSequencesAlone) {
  MlmHead head(MlmHeadOptions(12, 252));
  const auto gradients = [&] {
    std::vector<at::Tensor> all;
    for (auto& weight : adapters_->parameters()) {
      all.push_back(weight.grad().defined() ? weight.grad().clone() : at::zeros_like(weight));
      weight.mutable_grad() = at::Tensor();
    }
    return all;
  };
  // Of an even number of tokens each, so that alone and together the same rows are read.
  const Sequences sequences = {{0, 17, 200, 2}, {0, 2}, {0, 31, 32, 33, 34, 2}, {0, 9, 9, 2}};
  const std::vector<std::string> languages = {"sw", "en", "sw", "rw"};
  const auto batch = mixed(sequences, languages);
  auto whole = batch;
  whole.read_rows = at::arange(1, batch.rows(), 2);
  const auto targets = at::zeros({whole.read_rows.numel()}, at::kLong) + 5;
  const auto hidden = encoder_->forward(whole, *adapters_);
  head->loss(hidden, encoder_->word_embeddings(), targets, *adapters_, whole).backward();
  const auto together = gradients();
  for (size_t s = 0; s < sequences.size(); ++s) {
    adapters_->activate({languages[s], "ner"});
    auto alone = pack({sequences[s]});
    alone.read_rows = at::arange(1, alone.rows(), 2);
    const auto count = alone.read_rows.numel();
    const auto own = at::zeros({count}, at::kLong) + 5;
    (head->loss(encoder_->forward(alone, *adapters_), encoder_->word_embeddings(), own,
                adapters_->invertible()) *
     (static_cast<double>(count) / static_cast<double>(targets.numel())))
        .backward();
  }
  const auto summed = gradients();
  double largest = 0;
  for (size_t i = 0; i < together.size(); ++i) {
    expect_close(together[i], summed[i], 1e-5, 1e-4);
    largest = std::max(largest, summed[i].abs().max().item<double>());
  }
  EXPECT_GT(largest, 1e-3);
}

TEST_F(MixedLanguages, RunUnderGradientCheckpointing) {
  const auto batch = mixed(kSequences, kLanguages);
  const auto gradient = [&] {
    auto& weight = adapters_->get("ner")->at(0, Site::kOutput)->adapter_up->weight;
    weight.mutable_grad() = at::Tensor();
    encoder_->forward(batch, *adapters_).pow(3).sum().backward();
    return weight.grad().clone();
  };
  const auto plain = gradient();
  encoder_->use_gradient_checkpointing(true);
  expect_close(gradient(), plain, 1e-4, 1e-4);
}

TEST_F(MixedLanguages, RunOneCopyAChannelUnderAParallelBlock) {
  const at::NoGradGuard no_grad;
  auto batch = pack(kSequences);
  batch.read_rows = at::tensor(std::vector<int64_t>{2, 7, 20});
  adapters_->activate(Stack{"sw", Parallel{"ner", "en"}});
  const auto both = encoder_->forward(batch, *adapters_);
  ASSERT_EQ(both.size(0), 6);
  int64_t channel = 0;
  for (const std::string top : {"ner", "en"}) {
    adapters_->activate({"sw", top});
    expect_close(both.narrow(0, 3 * channel++, 3), encoder_->forward(batch, *adapters_), 1e-6);
  }
}

TEST_F(MixedLanguages, TakeAnEmptyBatch) {
  const at::NoGradGuard no_grad;
  PackedBatch batch;
  batch.input_ids = at::empty({0}, at::kLong);
  EXPECT_EQ(encoder_->forward(batch, *adapters_).sizes(), (std::vector<int64_t>{0, 12}));
}

TEST_F(MixedLanguages, AreThoseThatTheBankHasNow) {
  const at::NoGradGuard no_grad;
  const auto batch = mixed({kSequences[0]}, {"qu"});
  const auto before = adapters_->active_plan();
  EXPECT_THAT(torch_error_of([&] { encoder_->forward(batch, *adapters_); }),
              HasSubstr("no adapter named \"qu\""));
  add(adapters_, "qu", "pfeiffer+inv", 2);  // after LANGUAGE was made active
  const auto under_language = encoder_->forward(batch, *adapters_);
  EXPECT_THROW(encoder_->forward(batch, *before), c10::Error) << "a plan stays what it was";
  const auto with_qu = adapters_->active_plan();
  adapters_->remove("qu");
  EXPECT_THAT(torch_error_of([&] { encoder_->forward(batch, *adapters_); }),
              HasSubstr("no adapter named \"qu\""));
  EXPECT_TRUE(at::equal(encoder_->forward(batch, *with_qu), under_language));
}

TEST_F(MixedLanguages, WantALanguageForEachSequence) {
  auto batch = pack(kSequences);
  EXPECT_THAT(input_error_of([&] { encoder_->forward(batch, *adapters_); }),
              HasSubstr("expected a language for each of 5 sequences, but found 0"));
}

TEST_F(MixedLanguages, EqualSequencesAloneAtXlmRsWidth) {
  const at::NoGradGuard no_grad;
  EncoderConfig config;
  config.vocab_size = 100;
  config.hidden_size = 768;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 12;
  config.intermediate_size = 3072;
  config.max_position_embeddings = 130;
  auto weights = random_weights(config);
  for (auto& item : weights)
    if (item.value().dim() == 2) item.value().mul_(0.02 / 0.3);
  const auto encoder = io::make_encoder(config, weights, "random weights");
  AdapterStack adapters(config.hidden_size, config.num_hidden_layers);
  const std::vector<std::string> names = {"en", "sw", "rw"};
  for (const auto& name : names) add(adapters, name, "pfeiffer+inv", 2, /*deviation=*/0.02);
  add(adapters, "ner", "pfeiffer", 16, 0.02);
  Sequences sequences;
  std::vector<std::string> languages;
  for (size_t s = 0; s < 12; ++s) {
    const auto length = static_cast<int64_t>(5 + (s * 37) % 60);
    const auto ids = at::randint(5, 100, {length}, at::kLong);
    sequences.emplace_back(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + length);
    languages.push_back(names[(s * s) % names.size()]);
  }
  const auto batch = mixed(sequences, languages);
  adapters->activate({kLanguage, "ner"});
  const auto together = encoder->forward(batch, *adapters);
  double largest = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    adapters->activate({languages[s], "ner"});
    const auto alone = encoder->forward(pack({sequences[s]}), *adapters);
    const auto ours = together.narrow(0, batch.offsets[s], alone.size(0));
    largest = std::max(largest, (ours - alone).abs().max().item<double>());
  }
  EXPECT_LE(largest, 1e-6 * std::max(1.0, together.abs().max().item<double>()));
  RecordProperty("largest_difference", std::to_string(largest));
}

}  // namespace mixed_languages_test
}  // namespace madx

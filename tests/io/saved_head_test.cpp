// An encoder saved with a masked-LM head of its own: names and config.json as transformers' models
// for masked LM save them, and what loads again is what was saved.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "../models/tiny_encoder.h"
#include "../support.h"
#include "madx/io/encoder_files.h"
#include "madx/io/safetensors.h"

namespace madx::io {
namespace saved_head_test {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kTokenizers = MADX_FIXTURES "/tokenizer/";

EncoderConfig config_of(const std::string& model_type) {
  auto config = tiny_config();
  config.model_type = model_type;
  if (model_type == "bert") {
    config.pad_token_id = 0;
    config.type_vocab_size = 2;
  }
  return config;
}

class SavedHeadTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    at::set_num_threads(1);  // the models are too small for more
    fs::create_directories(saved());
  }
  bool is_bert() const { return GetParam() == "bert"; }
  EncoderConfig config() const { return config_of(GetParam()); }
  std::string saved() const { return folder_ / "saved"; }

  /// A Hugging Face directory without a head; `more` goes into config.json.
  std::string encoder(const json& more = json::object()) const {
    const auto directory = folder_ / "encoder";
    fs::create_directories(directory);
    TensorMap weights;
    for (const auto& item : random_weights(config()))
      weights.insert((is_bert() ? "bert." : "roberta.") + item.key(), item.value());
    write_safetensors(directory + "/model.safetensors", weights);
    const auto of = config();
    json values = {{"architectures", {"AModel"}},
                   {"model_type", of.model_type},
                   {"vocab_size", of.vocab_size},
                   {"hidden_size", of.hidden_size},
                   {"num_hidden_layers", of.num_hidden_layers},
                   {"num_attention_heads", of.num_attention_heads},
                   {"intermediate_size", of.intermediate_size},
                   {"max_position_embeddings", of.max_position_embeddings},
                   {"type_vocab_size", of.type_vocab_size},
                   {"pad_token_id", of.pad_token_id},
                   {"layer_norm_eps", of.layer_norm_eps}};
    values.update(more);
    write_bytes(directory + "/config.json", values.dump());
    fs::copy(kTokenizers + (is_bert() ? "bert_cased/vocab.txt" : "xlmr/sentencepiece.bpe.model"),
             directory, fs::copy_options::overwrite_existing);
    return directory;
  }
  MlmHead random_head() const {
    MlmHead head(MlmHeadOptions(12, 252).layer_norm_eps(1e-5));
    const at::NoGradGuard no_grad;
    for (auto& weight : head->parameters()) weight.normal_();
    return head;
  }
  json saved_config() const { return json::parse(read_bytes(saved() + "/config.json")); }

  TemporaryFolder folder_;
};

TEST_P(SavedHeadTest, LoadsAgainAsItWas) {
  auto loaded = load_encoder(encoder());
  ASSERT_TRUE(loaded.head.is_empty());
  const auto head = random_head();
  {
    const at::NoGradGuard no_grad;
    for (auto& weight : loaded.encoder->parameters()) weight.mul_(0.9);
  }
  save_encoder(loaded.encoder, head, *loaded.origin, saved());
  const auto again = load_encoder(saved());
  const auto weights = loaded.encoder->named_parameters(), of_head = head->named_parameters();
  for (const auto& item : again.encoder->named_parameters())
    EXPECT_TRUE(at::equal(item.value(), weights[item.key()])) << item.key();
  ASSERT_FALSE(again.head.is_empty());
  for (const auto& item : again.head->named_parameters())
    EXPECT_TRUE(at::equal(item.value(), of_head[item.key()])) << item.key();
  EXPECT_FALSE(again.encoder->has_own_output());
  EXPECT_EQ(again.tokenizer->encode("a river"), loaded.tokenizer->encode("a river"));
}

TEST_P(SavedHeadTest, HasTheNamesThatPythonSavesAndTheClassThatItLoads) {
  auto loaded = load_encoder(encoder());
  save_encoder(loaded.encoder, random_head(), *loaded.origin, saved());
  std::set<std::string> names;
  for (const auto& item : read_safetensors(saved() + "/model.safetensors")) {
    const bool of_encoder = item.key().compare(0, 8, is_bert() ? "bert.emb" : "roberta.") == 0 ||
                            item.key().compare(0, 8, "bert.enc") == 0;
    if (!of_encoder) names.insert(item.key());
  }
  const std::set<std::string> of_bert = {
      "cls.predictions.bias", "cls.predictions.transform.dense.weight",
      "cls.predictions.transform.dense.bias", "cls.predictions.transform.LayerNorm.weight",
      "cls.predictions.transform.LayerNorm.bias"};
  const std::set<std::string> of_xlmr = {"lm_head.bias", "lm_head.dense.weight",
                                         "lm_head.dense.bias", "lm_head.layer_norm.weight",
                                         "lm_head.layer_norm.bias"};
  EXPECT_EQ(names, is_bert() ? of_bert : of_xlmr);
  const std::string family = is_bert()                 ? "Bert"
                             : GetParam() == "roberta" ? "Roberta"
                                                       : "XLMRoberta";
  EXPECT_EQ(saved_config()["architectures"], json::array({family + "ForMaskedLM"}));
  EXPECT_FALSE(saved_config().contains("tie_word_embeddings"));
}

TEST_P(SavedHeadTest, LeavesAConfigurationThatSaysSoAsItIs) {
  const std::string family = is_bert()                 ? "Bert"
                             : GetParam() == "roberta" ? "Roberta"
                                                       : "XLMRoberta";
  const auto like = encoder({{"architectures", json::array({family + "ForMaskedLM"})}});
  auto loaded = load_encoder(like);
  save_encoder(loaded.encoder, random_head(), *loaded.origin, saved());
  EXPECT_EQ(read_bytes(saved() + "/config.json"), read_bytes(like + "/config.json"));
}

TEST_P(SavedHeadTest, IsTiedWhateverAnEncoderWithoutOneSays) {
  auto loaded = load_encoder(encoder({{"tie_word_embeddings", false}}));
  save_encoder(loaded.encoder, random_head(), *loaded.origin, saved());
  EXPECT_EQ(saved_config()["tie_word_embeddings"], true);
  EXPECT_FALSE(load_encoder(saved()).encoder->has_own_output());
}

TEST_P(SavedHeadTest, GoesWithAnOutputLayerOfItsOwnAsThatHasBecome) {
  auto loaded = load_encoder(encoder());
  save_encoder(loaded.encoder, random_head(), *loaded.origin, saved());
  const auto untied = folder_ / "untied";
  fs::copy(saved(), untied);
  TensorMap weights;
  for (const auto& item : read_safetensors(saved() + "/model.safetensors"))
    weights.insert(item.key(), item.value());
  weights.insert(config().output_layer_key(), at::randn({252, 12}));
  write_safetensors(untied + "/model.safetensors", weights);
  auto values = saved_config();
  values["tie_word_embeddings"] = false;
  write_bytes(untied + "/config.json", values.dump());

  auto own = load_encoder(untied);
  ASSERT_TRUE(own.encoder->has_own_output());
  {
    const at::NoGradGuard no_grad;
    auto output = own.encoder->output_embeddings();
    output.mul_(0.5);
  }
  save_encoder(own.encoder, own.head, *own.origin, saved());
  const auto again = load_encoder(saved());
  ASSERT_TRUE(again.encoder->has_own_output());
  EXPECT_TRUE(at::equal(again.encoder->output_embeddings(), own.encoder->output_embeddings()));
  EXPECT_EQ(saved_config()["tie_word_embeddings"], false);
}

INSTANTIATE_TEST_SUITE_P(Encoders, SavedHeadTest, testing::Values("xlm-roberta", "roberta", "bert"),
                         [](const auto& info) {
                           return info.param == "xlm-roberta" ? std::string("xlmr") : info.param;
                         });

}  // namespace saved_head_test
}  // namespace madx::io

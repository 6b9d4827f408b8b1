#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "madx/data/tokenizer.h"
#include "test_files.h"

namespace madx {
namespace tokenizer_json_test {

using nlohmann::json;
using Ids = std::vector<int64_t>;
using testing::HasSubstr;

const std::string kFixtures = std::string(MADX_FIXTURES) + "/tokenizer/";

std::string bytes_of(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

json json_of(const std::string& directory) {
  return json::parse(bytes_of(kFixtures + directory + "/tokenizer.json"));
}

std::shared_ptr<const Tokenizer> from_json(const json& content) {
  return make_tokenizer({"tokenizer.json", content.dump()}, "enc");
}

std::string error_on(const json& content) {
  return input_error_of([&] { from_json(content); });
}

/// A model with the pieces a, b, ab and the special ones; <unk> is 3.
json small() {
  json content = json_of("xlmr_json");
  content["model"]["vocab"] = json::parse(R"([["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0],
      ["\u2581", -2.5], ["a", -1], ["b", -1], ["ab", -2], ["<mask>", 0]])");
  content["added_tokens"] = json::array();
  content["normalizer"] = nullptr;
  return content;
}

/// golden_json.json's case, by make_tokenizer_json.py.
std::shared_ptr<const Tokenizer> make_case(const json& golden) {
  const auto directory = golden.at("directory").get<std::string>();
  if (!golden.contains("patch")) {
    auto file = read_tokenizer_file(kFixtures + directory);
    if (!golden.at("tokenizer_config").empty())
      file.tokenizer_config = golden.at("tokenizer_config").dump();
    if (!golden.at("added_tokens").empty()) file.added_tokens = golden.at("added_tokens").dump();
    return make_tokenizer(file, directory);
  }
  auto content = json_of(directory);
  if (golden.contains("vocabulary")) {
    content["model"]["vocab"] = json::object();
    std::istringstream pieces(
        bytes_of(kFixtures + golden.at("vocabulary").get<std::string>() + "/vocab.txt"));
    int64_t id = 0;
    for (std::string piece; std::getline(pieces, piece);) content["model"]["vocab"][piece] = id++;
  }
  if (golden.at("patch").contains("replaces_runs_alone")) {
    auto& steps = content["normalizer"]["normalizers"];
    steps.erase(1);  // Strip
    steps[1]["content"] = " ";
  } else {
    content.merge_patch(golden.at("patch"));
  }
  return from_json(content);
}

TEST(TokenizerJson, GivesTheIdsOfHuggingFacesTokenizers) {
  const auto cases = json::parse(bytes_of(kFixtures + "golden_json.json"));
  EXPECT_EQ(cases.size(), 27u);
  for (const auto& golden : cases) {
    const auto tokenizer = make_case(golden);
    for (const auto& entry : golden.at("texts")) {
      const auto text = entry.at("text").get<std::string>();
      EXPECT_EQ(tokenizer->encode(text), entry.at("ids").get<Ids>())
          << golden.at("name") << ": '" << text << "'";
    }
  }
}

TEST(TokenizerJson, IsReadWhereItStandsAlone) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr_json");
  const auto model = load_tokenizer(kFixtures + "xlmr");
  EXPECT_EQ(tokenizer->vocab_size(), model->vocab_size());
  EXPECT_EQ(tokenizer->special().mask, model->special().mask);
  for (int64_t id = 0; id < model->vocab_size(); ++id) {
    EXPECT_EQ(tokenizer->piece(id), model->piece(id));
    EXPECT_EQ(tokenizer->is_special(id), model->is_special(id));
  }
  const std::string text = "Mto ni mpana, na mashua ni ndogo.";
  EXPECT_EQ(tokenizer->encode(text), model->encode(text));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
}

TEST(TokenizerJson, NeverFindsASpecialTokenInRawText) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr_json");
  for (const int64_t id : tokenizer->encode("<s> a </s><pad> <mask> <unk>")) {
    EXPECT_TRUE(id == tokenizer->special().unk || !tokenizer->is_special(id)) << id;
  }
}

TEST(TokenizerJson, MakesOneUnknownTokenOfNeighbouringCharacters) {
  EXPECT_EQ(from_json(small())->encode("axyzb xx"), (Ids{4, 5, 3, 6, 4, 3}));
}

TEST(TokenizerJson, TakesTheLongerLastPieceOfTwoWaysWithOneScore) {
  EXPECT_EQ(from_json(small())->encode("ab"), (Ids{4, 7}));
  auto content = small();
  content["model"]["vocab"].push_back(json::array({"aa", -2}));  // aaa: a aa, or aa a
  EXPECT_EQ(from_json(content)->encode("aaa"), (Ids{4, 5, 9}));
}

TEST(TokenizerJson, FindsTheMaskTokenAmongTheAddedOnes) {
  auto content = small();
  content["model"]["vocab"].erase(8);
  EXPECT_THAT(error_on(content), HasSubstr("enc/tokenizer.json: expected the piece <mask>, but "
                                           "found none among 8"));
  content["added_tokens"] = {{{"id", 8}, {"content", "<mask>"}, {"special", true}}};
  EXPECT_EQ(from_json(content)->special().mask, 8);
}

TEST(TokenizerJson, RefusesAnotherModelByItsName) {
  auto content = small();
  content["model"]["type"] = "BPE";
  EXPECT_THAT(error_on(content),
              HasSubstr("enc/tokenizer.json: model: type: expected Unigram (XLM-R) or WordPiece "
                        "(BERT), but found \"BPE\"; use an encoder of XLM-R's or BERT's kind"));
  content["model"].erase("type");
  EXPECT_THAT(error_on(content), HasSubstr("but found none"));
  content.erase("model");
  EXPECT_THAT(error_on(content), HasSubstr("model: expected a model, but found none"));
  EXPECT_THAT(error_on(json::array()), HasSubstr("enc/tokenizer.json: expected an object"));
}

TEST(TokenizerJson, RefusesWhatItDoesNotComputeByName) {
  const std::vector<std::pair<json, std::string>> patches = {
      {{{"normalizer", {{"type", "Lowercase"}}}}, "normalizer: type: expected Precompiled, Strip"},
      {{{"normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Nmt"}}}}}}},
       "but found \"Nmt\""},
      {{{"normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}}}},
       "expected the pattern \" {2,}\", but found"},
      {{{"normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", ""}}}},
       "expected a pattern that is not empty"},
      {{{"pre_tokenizer", {{"type", "ByteLevel"}}}},
       "pre_tokenizer: expected Metaspace, or WhitespaceSplit and Metaspace"},
      {{{"pre_tokenizer", {{"replacement", "_"}}}}, "replacement: expected \"\u2581\", but found"},
      {{{"pre_tokenizer", {{"prepend_scheme", "last"}}}}, "expected always, first or never"},
      {{{"pre_tokenizer", {{"split", "no"}}}}, "split: expected true or false, but found \"no\""},
      {{{"pre_tokenizer", {{"prepend_scheme", "first"}}}, {"normalizer", {{"type", "Strip"}}}},
       "normalizer: expected no step that takes away where a text begins, beside prepend_scheme"},
      {{{"pre_tokenizer", {{"prepend_scheme", "first"}}},
        {"normalizer", {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", ""}}}},
       "normalizer: expected no step that takes away"},
      {{{"post_processor", {{"type", "ByteLevel"}}}}, "post_processor: expected <s> before a text"},
      {{{"post_processor", {{"single", json::array()}}}}, "expected <s> before a text and </s>"},
      {{{"model", {{"byte_fallback", true}}}}, "byte_fallback: expected false, but found true"},
      {{{"model", {{"unk_id", 9}}}}, "unk_id: expected an id below 9, but found 9"},
      {{{"model", {{"unk_id", nullptr}}}}, "unk_id: expected an id"},
      {{{"model", {{"vocab", json::array({json::array({"a", "b"})})}}}},
       "expected a piece that is not empty and its score"},
      {{{"model", {{"vocab", json::array({json::array({"a", 2e9})})}}}},
       "its score, a number up to 1e9, but found"}};
  for (const auto& [patch, words] : patches) {
    auto content = small();
    content.merge_patch(patch);
    EXPECT_THAT(error_on(content), HasSubstr(words)) << patch;
  }
}

TEST(TokenizerJson, RefusesADamagedTableOfItsNormalisation) {
  auto content = small();
  content["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA*"}};
  EXPECT_THAT(error_on(content), HasSubstr("precompiled_charsmap: expected base 64"));
  content["normalizer"]["precompiled_charsmap"] = "BAAAAAAAAAA=";
  EXPECT_THAT(error_on(content),
              HasSubstr("enc/tokenizer.json: expected a SentencePiece model, but "
                        "found a damaged table of its normalisation"));
}

TEST(TokenizerJson, RefusesAPieceThatIsThereTwice) {
  auto content = small();
  content["model"]["vocab"].push_back(json::array({"ab", -3}));
  EXPECT_THAT(error_on(content), HasSubstr("expected every piece once, but found 'ab' twice"));
}

TEST(TokenizerJson, RefusesAnotherWordPieceModelByName) {
  const std::vector<std::pair<json, std::string>> patches = {
      {{{"model", {{"unk_token", "<unk>"}}}}, "unk_token: expected \"[UNK]\", but found \"<unk>\""},
      {{{"model", {{"continuing_subword_prefix", "@"}}}}, "expected \"##\", but found \"@\""},
      {{{"model", {{"vocab", {{"[PAD]", 5000000000}}}}}}, "vocab: expected an id"},
      {{{"model", {{"vocab", {{"[PAD]", 1000000}}}}}}, "expected ids from 0 to"},
      {{{"normalizer", {{"type", "NFC"}}}}, "expected \"BertNormalizer\", but found \"NFC\""},
      {{{"normalizer", nullptr}}, "expected BertNormalizer beside a WordPiece model"},
      {{{"normalizer", {{"clean_text", false}}}}, "clean_text: expected true, but found false"},
      {{{"pre_tokenizer", nullptr}}, "expected BertPreTokenizer beside a WordPiece model"},
      {{{"pre_tokenizer", {{"type", "Split"}}}}, "expected \"BertPreTokenizer\", but found"}};
  for (const auto& [patch, words] : patches) {
    auto content = json_of("bert_json");
    content.merge_patch(patch);
    EXPECT_THAT(error_on(content), HasSubstr(words)) << patch;
  }
}

}  // namespace tokenizer_json_test
}  // namespace madx

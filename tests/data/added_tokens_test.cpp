#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "madx/data/tokenizer.h"
#include "test_files.h"

namespace madx {
namespace added_tokens_test {

namespace fs = std::filesystem;
using Ids = std::vector<int64_t>;
using testing::HasSubstr;

const std::string kFixtures = std::string(MADX_FIXTURES) + "/tokenizer/";

/// tests/fixtures/tokenizer/xlmr, 252 ids, with added_tokens.json and tokenizer_config.json.
TokenizerFile xlmr(std::optional<std::string> added, std::optional<std::string> config = {}) {
  auto file = read_tokenizer_file(kFixtures + "xlmr");
  file.added_tokens = std::move(added);
  file.tokenizer_config = std::move(config);
  return file;
}

std::string error_on(const TokenizerFile& file) {
  return input_error_of([&] { make_tokenizer(file, "enc"); });
}

// Their ids beside Hugging Face's: TokenizerJson.GivesTheIdsOfHuggingFacesTokenizers.
TEST(AddedTokens, AreFoundInTextByTheirIds) {
  const auto tokenizer = make_tokenizer(xlmr(R"({"Mombasa": 252, "<e>": 255})"), "enc");
  const auto mto = tokenizer->encode("Mto"), ni = tokenizer->encode("ni");
  Ids expected = mto;
  expected.push_back(252);
  expected.insert(expected.end(), ni.begin(), ni.end());
  EXPECT_EQ(tokenizer->encode("Mto Mombasa ni"), expected);
  EXPECT_EQ(tokenizer->encode("MombasaMombasa<e>"), (Ids{252, 252, 255}));
  EXPECT_EQ(tokenizer->decode(expected), "Mto Mombasa ni");
  EXPECT_EQ(tokenizer->vocab_size(), 256);
  EXPECT_EQ(tokenizer->piece(252), "Mombasa");
  EXPECT_EQ(tokenizer->piece(251), "<mask>");
  EXPECT_EQ(tokenizer->piece(253), "");  // no token has it
  EXPECT_FALSE(tokenizer->is_special(252));
  EXPECT_THAT(input_error_of([&] { tokenizer->piece(256); }), HasSubstr("from 0 to 255"));
}

TEST(AddedTokens, LeaveTheFiveSpecialOnesInTextToTheVocabulary) {
  const std::string config =
      R"({"added_tokens_decoder": {"0": {"content": "<s>", "special": true},
          "251": {"content": "<mask>", "lstrip": true, "special": true},
          "252": {"content": "<e>", "special": true}}})";
  const auto tokenizer = make_tokenizer(xlmr({}, config), "enc");
  const auto plain = load_tokenizer(kFixtures + "xlmr");
  EXPECT_EQ(tokenizer->encode("a <s> <mask>"), plain->encode("a <s> <mask>"));
  EXPECT_EQ(tokenizer->encode("<e>"), Ids{252});
}

// Beside transformers': the case "bert_uncased_named" of golden_json.json.
TEST(AddedTokens, KeepTheirCaseWhereTheConfigNamesThemForAPurpose) {
  const std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  const std::string token = R"("added_tokens_decoder": {"5": {"content": "[E]", "special": true}})";
  const auto ids = [&](const std::string& names) {
    const auto config = R"({"do_lower_case": true, )" + token + ", " + names + "}";
    return make_tokenizer({"vocab.txt", vocab, config}, "enc")->encode("[E]");
  };
  EXPECT_EQ(ids(R"("additional_special_tokens": ["[E]"])"), Ids{5});
  EXPECT_EQ(ids(R"("additional_special_tokens": [{"content": "[E]"}])"), Ids{5});
  EXPECT_EQ(ids(R"("bos_token": "[E]")"), Ids{5});
  EXPECT_EQ(ids(R"("bos_token": {"content": "[E]"})"), Ids{5});
  EXPECT_EQ(ids(R"("bos_token": null, "additional_special_tokens": null)"), (Ids{1, 1, 1}));
}

TEST(AddedTokens, ComeFromTokenizerJsonBesideAnotherFile) {
  auto file = xlmr({});
  file.tokenizer_json = R"({"model": {"type": "BPE"}, "added_tokens": [
      {"id": 252, "content": "Mombasa", "normalized": true, "special": false}]})";
  EXPECT_EQ(make_tokenizer(file, "enc")->encode("Mombasa"), Ids{252});
}

TEST(AddedTokens, AreReadFromADirectoryAndWrittenAgain) {
  const fs::path folder = fs::path(testing::TempDir()) / "madx_added_tokens";
  fs::create_directories(folder);
  const auto file = xlmr(R"({"Mombasa": 252})", "{}");
  for (const auto& [name, bytes] : file.all()) std::ofstream(folder / name) << bytes;
  const auto read = read_tokenizer_file(folder.string());
  EXPECT_EQ(read.all(), file.all());
  EXPECT_EQ(make_tokenizer(read, "enc")->encode("Mombasa"), Ids{252});
  fs::remove_all(folder);
}

TEST(AddedTokens, RefuseASpecialTokenAtAnotherId) {
  EXPECT_THAT(error_on(xlmr(R"({"<mask>": 250})")),
              HasSubstr("enc: expected the special token <mask> at id 251, its place in the "
                        "vocabulary, but the added tokens have it at 250"));
}

TEST(AddedTokens, RefuseFilesThatContradictEachOther) {
  const std::string config = R"({"added_tokens_decoder": {"253": {"content": "Mombasa"}}})";
  EXPECT_THAT(error_on(xlmr(R"({"Mombasa": 252})", config)),
              HasSubstr("enc/added_tokens.json: expected one id for 'Mombasa', but found 253 and "
                        "252"));
  EXPECT_THAT(error_on(xlmr(R"({"Nakuru": 253})", config)),
              HasSubstr("expected one token with id 253, but found 'Mombasa' and 'Nakuru'"));
}

TEST(AddedTokens, RefuseWhatNoFileOfTheirsHolds) {
  EXPECT_THAT(error_on(xlmr("{")), HasSubstr("enc/added_tokens.json: expected JSON"));
  EXPECT_THAT(error_on(xlmr("[]")), HasSubstr("enc/added_tokens.json: expected an object"));
  EXPECT_THAT(error_on(xlmr(R"({"a": -1})")),
              HasSubstr("added_tokens.json: a: expected an id, a whole number from 0 on, but found "
                        "-1"));
  EXPECT_THAT(error_on(xlmr(R"({"": 252})")), HasSubstr("expected a token that is not empty"));
  EXPECT_THAT(error_on(xlmr({}, R"({"added_tokens_decoder": {"x": {"content": "a"}}})")),
              HasSubstr("added_tokens_decoder: expected ids as keys, but found \"x\""));
  EXPECT_THAT(error_on(xlmr({}, R"({"additional_special_tokens": "<e>"})")),
              HasSubstr("additional_special_tokens: expected a list, but found \"<e>\""));
  EXPECT_THAT(error_on(xlmr({}, R"({"mask_token": false})")),
              HasSubstr("mask_token: expected a string, but found false"));
  EXPECT_THAT(error_on(xlmr({}, R"({"added_tokens_decoder": {"252": {}}})")),
              HasSubstr("content: expected a string, but found none"));
  EXPECT_THAT(
      error_on(xlmr({}, R"({"added_tokens_decoder": {"252": {"content": "a", "lstrip": 1}}})")),
      HasSubstr("lstrip: expected true or false, but found 1"));
}

}  // namespace added_tokens_test
}  // namespace madx

#include "madx/data/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "madx/core/error.h"
#include "test_files.h"
#include "tokenizer_golden.h"

namespace madx {
namespace tokenizer_test {

namespace fs = std::filesystem;
using Ids = std::vector<int64_t>;
using testing::HasSubstr;

const std::string kFixtures = std::string(MADX_FIXTURES) + "/tokenizer/";

TEST(SentencePieceTokenizer, GivesTheSpecialTokensOfXlmR) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  expect_golden_special_tokens(*tokenizer, "xlmr");
  EXPECT_EQ(tokenizer->special().mask, tokenizer->vocab_size() - 1);
  EXPECT_FALSE(tokenizer->is_special(4));
}

TEST(SentencePieceTokenizer, SplitsTextsAsHuggingFaceDoes) {
  expect_golden_texts(*load_tokenizer(kFixtures + "xlmr"), "xlmr");
}

TEST(SentencePieceTokenizer, SplitsWordsAsHuggingFaceDoes) {
  expect_golden_words(*load_tokenizer(kFixtures + "xlmr"), "xlmr");
}

TEST(SentencePieceTokenizer, NamesEachPieceAsHuggingFaceDoes) {
  expect_golden_pieces(*load_tokenizer(kFixtures + "xlmr"), "xlmr");
}

TEST(SentencePieceTokenizer, NeverFindsASpecialTokenInRawText) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  const auto& special = tokenizer->special();
  for (const int64_t id : tokenizer->encode("<s> a </s><pad> <mask> <unk>")) {
    EXPECT_TRUE(id == special.unk || !tokenizer->is_special(id)) << id;
  }
}

TEST(SentencePieceTokenizer, GivesAVanishingWordTheUnknownToken) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  const auto ids = tokenizer->encode_words({"river", "\u200b", "", "boat"});
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(ids[1], Ids{3});
  EXPECT_EQ(ids[2], Ids{3});
  EXPECT_EQ(ids[3], tokenizer->encode("boat"));
}

TEST(SentencePieceTokenizer, PutsBosAndEosAroundASequenceAndCutsItsEnd) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  const auto& special = tokenizer->special();
  const auto ids = tokenizer->encode("the river and the boat");
  ASSERT_GT(ids.size(), 3u);
  const auto whole = tokenizer->encode_sequence("the river and the boat");
  EXPECT_EQ(whole, tokenizer->with_ends(ids));
  EXPECT_EQ(whole.size(), ids.size() + 2);
  EXPECT_EQ(tokenizer->encode_sequence("the river and the boat", 4),
            (Ids{special.bos, ids[0], ids[1], special.eos}));
  EXPECT_EQ(tokenizer->encode_sequence("", 2), (Ids{special.bos, special.eos}));
  EXPECT_THROW(tokenizer->encode_sequence("the", 1), InputError);
}

TEST(SentencePieceTokenizer, GivesTheSameIdsInManyThreads) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  const std::string text = "Kila asubuhi mwalimu anatembea kwenda shuleni.";
  const auto expected = tokenizer->encode(text);
  std::vector<int> different(4, 0);
  std::vector<std::thread> threads;
  for (int& count : different) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) count += tokenizer->encode(text) != expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(different, std::vector<int>(4, 0));
}

TEST(SentencePieceTokenizer, RefusesAnIdOutsideTheVocabulary) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  EXPECT_THROW(tokenizer->piece(-1), InputError);
  EXPECT_THAT(input_error_of([&] {
                tokenizer->decode({4, tokenizer->vocab_size()});
              }),
              HasSubstr("tokenizer: expected ids from 0 to 251, but found 252"));
}

TEST(SentencePieceTokenizer, RefusesADamagedModel) {
  auto file = read_tokenizer_file(kFixtures + "xlmr");
  file.bytes.resize(file.bytes.size() / 2);
  EXPECT_THAT(input_error_of([&] { make_tokenizer(file, "enc"); }),
              HasSubstr("enc/sentencepiece.bpe.model: expected a SentencePiece model, but found"));
  file.bytes = "";
  EXPECT_THAT(input_error_of([&] { make_tokenizer(file, "enc"); }),
              HasSubstr("but found 0 bytes that are none"));
}

// "sss" is s ss or ss s with one score but for rounding; ids are those of SentencePiece 0.2.3 and
// of Hugging Face's fast tokenizer.
TEST(SentencePieceTokenizer, TakesTheLongerLastPieceOfTwoWaysWithOneScore) {
  const auto tokenizer = load_tokenizer(kFixtures + "xlmr");
  EXPECT_EQ(tokenizer->encode("Kila asubuhi ziksss"), (Ids{95, 28, 96, 63, 13, 77, 11, 154}));
  EXPECT_EQ(tokenizer->encode("Joki vooooo"), (Ids{109, 13, 237, 9, 169, 169}));
}

TEST(SentencePieceTokenizer, BlamesTheModelForATextThatItCannotSplit) {
  std::ifstream in(
      std::string(MADX_FIXTURES) + "/../fuzz/corpus/sentencepiece_model/found_unsplit_text",
      std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto tokenizer = make_tokenizer({"sentencepiece.bpe.model", bytes, std::nullopt}, "enc");
  EXPECT_THAT(input_error_of([&] { tokenizer->encode("a ab abc"); }),
              HasSubstr("enc/sentencepiece.bpe.model: expected a SentencePiece model that splits"));
}

TEST(SentencePieceTokenizer, RefusesAModelWithOtherSpecialPieces) {
  auto file = read_tokenizer_file(kFixtures + "xlmr");
  const size_t at = file.bytes.find("<s>");
  ASSERT_NE(at, std::string::npos);
  file.bytes.replace(at, 3, "<b>");
  EXPECT_THAT(input_error_of([&] { make_tokenizer(file, "enc"); }),
              HasSubstr("expected XLM-R's special pieces <unk> 0, <s> 1, </s> 2 and no <pad>, but "
                        "found <unk> 0, <s> -1, </s> 2, <pad> -1"));
}

TEST(LoadTokenizer, RefusesAPathThatIsNoDirectory) {
  EXPECT_THAT(input_error_of([] { load_tokenizer("/no/such/place"); }),
              HasSubstr("/no/such/place: expected a directory with sentencepiece.bpe.model or "
                        "vocab.txt, but found nothing"));
  EXPECT_THAT(input_error_of([] { load_tokenizer(kFixtures + "golden.json"); }),
              HasSubstr("but found a file"));
}

TEST(LoadTokenizer, RefusesADirectoryWithNeitherOrBothTokenizers) {
  EXPECT_THAT(input_error_of([] { load_tokenizer(kFixtures); }),
              HasSubstr("expected one of sentencepiece.bpe.model (XLM-R) and vocab.txt (BERT), but "
                        "found neither"));
  EXPECT_THAT(input_error_of([] { load_tokenizer(kFixtures); }), HasSubstr("nor tokenizer.json"));
  const fs::path both = fs::path(testing::TempDir()) / "madx_both_tokenizers";
  fs::create_directories(both);
  std::ofstream(both / "vocab.txt") << "[PAD]\n";
  std::ofstream(both / "sentencepiece.bpe.model") << "x";
  EXPECT_THAT(input_error_of([&] { load_tokenizer(both.string()); }), HasSubstr("but found both"));
  fs::remove_all(both);
}

TEST(LoadTokenizer, RefusesTheBpeOfRobertaByItsFiles) {
  const fs::path bpe = fs::path(testing::TempDir()) / "madx_bpe_tokenizer";
  fs::create_directories(bpe);
  std::ofstream(bpe / "vocab.json") << "{}";
  std::ofstream(bpe / "merges.txt") << "#version: 0.2\n";
  EXPECT_THAT(
      input_error_of([&] { load_tokenizer(bpe.string()); }),
      HasSubstr("but found RoBERTa's BPE (vocab.json, merges.txt), which is not supported"));
  fs::remove_all(bpe);
}

TEST(MakeTokenizer, RefusesAnUnknownName) {
  EXPECT_THAT(input_error_of([] {
                make_tokenizer({"spiece.model", "{}", std::nullopt}, "enc.pt");
              }),
              HasSubstr("enc.pt: expected a tokenizer named sentencepiece.bpe.model, vocab.txt or "
                        "tokenizer.json, but found 'spiece.model'"));
}

}  // namespace tokenizer_test
}  // namespace madx

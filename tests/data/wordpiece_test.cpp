#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "madx/data/tokenizer.h"
#include "test_files.h"
#include "tokenizer_golden.h"

namespace madx {
namespace wordpiece_test {

using Ids = std::vector<int64_t>;
using testing::HasSubstr;

const std::string kFixtures = std::string(MADX_FIXTURES) + "/tokenizer/";
const std::string kSpecial = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";  // ids 0 to 4

std::shared_ptr<const Tokenizer> wordpiece(const std::string& vocab,
                                           std::optional<std::string> config = std::nullopt) {
  return make_tokenizer({"vocab.txt", vocab, std::move(config)}, "bert");
}

class WordPieceTokenizer : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Golden, WordPieceTokenizer, testing::Values("bert_cased", "bert_uncased"),
                         [](const auto& values) { return values.param; });

TEST_P(WordPieceTokenizer, GivesTheSpecialTokensOfTheVocabulary) {
  expect_golden_special_tokens(*load_tokenizer(kFixtures + GetParam()), GetParam());
}

TEST_P(WordPieceTokenizer, SplitsTextsAsHuggingFaceDoes) {
  expect_golden_texts(*load_tokenizer(kFixtures + GetParam()), GetParam());
}

TEST_P(WordPieceTokenizer, SplitsWordsAsHuggingFaceDoes) {
  expect_golden_words(*load_tokenizer(kFixtures + GetParam()), GetParam());
}

TEST_P(WordPieceTokenizer, NamesEachPieceAsHuggingFaceDoes) {
  expect_golden_pieces(*load_tokenizer(kFixtures + GetParam()), GetParam());
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  const auto tokenizer = wordpiece(kSpecial + "un\nunaff\n##aff\n##able\n##a\n");
  EXPECT_EQ(tokenizer->encode("unaffable una unx"), (Ids{6, 8, 5, 9, 1}));
}

TEST(WordPiece, MakesAWordOfMoreThanAHundredCharactersUnknown) {
  const auto tokenizer = wordpiece(kSpecial + "é\n##é\n", R"({"strip_accents": false})");
  std::string word;
  for (int i = 0; i < 100; ++i) word += "é";
  EXPECT_EQ(tokenizer->encode(word).size(), 100u);
  EXPECT_EQ(tokenizer->encode(word + "é"), Ids{1});
}

TEST(WordPiece, NeverFindsASpecialTokenInRawText) {
  const auto tokenizer = wordpiece(kSpecial + "[\n]\nSEP\n");
  EXPECT_EQ(tokenizer->encode("[SEP]"), (Ids{5, 7, 6}));
}

TEST(WordPiece, LowerCasesAsTheConfigSays) {
  const std::string vocab = kSpecial + "joki\nJoki\n";
  EXPECT_EQ(wordpiece(vocab, R"({"do_lower_case": true})")->encode("Joki"), Ids{5});
  EXPECT_EQ(wordpiece(vocab, R"({"do_lower_case": false})")->encode("Joki"), Ids{6});
}

TEST(WordPiece, LowerCasesByItsVocabularyWhereTheConfigDoesNotSay) {
  EXPECT_EQ(wordpiece(kSpecial + "joki\nJoki\n")->encode("Joki"), Ids{6});
  EXPECT_EQ(wordpiece(kSpecial + "joki\n")->encode("Joki"), Ids{5});
  EXPECT_EQ(wordpiece(kSpecial + "joki\n", R"({"do_lower_case": null})")->encode("Joki"), Ids{5});
}

TEST(WordPiece, StripsAccentsAndSplitsChineseAsTheConfigSays) {
  const std::string vocab = kSpecial + "ete\nété\n川\n広\n川広\n";
  EXPECT_EQ(wordpiece(vocab)->encode("été 川広"), (Ids{5, 7, 8}));
  EXPECT_EQ(wordpiece(vocab, R"({"strip_accents": false, "tokenize_chinese_chars": false})")
                ->encode("été 川広"),
            (Ids{6, 9}));
}

TEST(WordPiece, ReadsAVocabularyWithWindowsLineEndings) {
  const auto tokenizer = wordpiece("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\njoki");
  EXPECT_EQ(tokenizer->encode("joki"), Ids{5});
  EXPECT_EQ(tokenizer->vocab_size(), 6);
}

TEST(WordPiece, ReadsAVocabularyWithAnyLineEndingsAndAByteOrderMark) {
  const std::string vocab = kSpecial + "joki\n\u2028\nvene\n";
  for (const std::string end : {"\n", "\r\n", "\r\r\n", "\r"}) {
    std::string bytes = "\uFEFF";
    for (const char c : vocab) bytes += c == '\n' ? end : std::string(1, c);
    const auto tokenizer = wordpiece(bytes);
    EXPECT_EQ(tokenizer->vocab_size(), 8);
    EXPECT_EQ(tokenizer->encode("joki vene"), (Ids{5, 7}));
    EXPECT_EQ(tokenizer->piece(6), "\u2028");
  }
}

TEST(WordPiece, RefusesAVocabularyWithoutASpecialToken) {
  EXPECT_THAT(input_error_of([] { wordpiece("[PAD]\n[UNK]\n[CLS]\n[SEP]\njoki\n"); }),
              HasSubstr("bert/vocab.txt: expected the piece [MASK], but found none among 5"));
}

TEST(WordPiece, RefusesAVocabularyThatIsNotUtf8) {
  EXPECT_THAT(input_error_of([] { wordpiece(kSpecial + "\xE9t\xE9\n"); }),
              HasSubstr("bert/vocab.txt:6: expected a piece in UTF-8"));
}

TEST(WordPiece, RefusesAConfigThatItCannotFollow) {
  EXPECT_THAT(input_error_of([] { wordpiece(kSpecial, "{"); }),
              HasSubstr("bert/tokenizer_config.json: expected JSON"));
  EXPECT_THAT(input_error_of([] { wordpiece(kSpecial, std::string(1'000'000, '[')); }),
              HasSubstr("expected JSON of at most 64 brackets inside each other"));
  EXPECT_THAT(input_error_of([] { wordpiece(kSpecial, R"({"do_lower_case": "no"})"); }),
              HasSubstr("expected 'do_lower_case' to be true or false, but found \"no\""));
  EXPECT_THAT(input_error_of([] { wordpiece(kSpecial, R"({"do_basic_tokenize": false})"); }),
              HasSubstr("expected 'do_basic_tokenize' to be true, but found false"));
}

}  // namespace wordpiece_test
}  // namespace madx

#include "data/sentencepiece_file.h"

#include <gmock/gmock.h>
#include <sentencepiece_trainer.h>

#include <cstring>
#include <limits>

#include "madx/data/tokenizer.h"
#include "test_files.h"

namespace madx {
namespace sentencepiece_file_test {

using testing::HasSubstr;

std::string varint(size_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  return bytes + static_cast<char>(number);
}
std::string field(int number, const std::string& bytes) {
  return varint(static_cast<size_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string piece(const std::string& text, float score) {
  std::string bytes(sizeof(score), '\0');
  std::memcpy(bytes.data(), &score, sizeof(score));
  return field(1, field(1, text) + static_cast<char>(2 << 3 | 5) + bytes);
}

constexpr uint32_t kValue = 1u << 31, kHasValue = 1u << 8;
constexpr uint32_t offset(uint32_t places) { return places << 10; }

// A normalisation table of 256 units, the value 0 where `units` names no other, and `texts` behind.
std::string model_with_table(const std::vector<std::pair<size_t, uint32_t>>& units,
                             const std::string& texts = std::string("b\0", 2)) {
  std::vector<uint32_t> trie(256, kValue);
  for (const auto& [place, unit] : units) trie.at(place) = unit;
  const auto size = static_cast<uint32_t>(trie.size() * sizeof(uint32_t));
  std::string table(sizeof(size) + size, '\0');
  std::memcpy(table.data(), &size, sizeof(size));
  std::memcpy(table.data() + sizeof(size), trie.data(), size);
  return field(3, field(2, table + texts));
}

const size_t kA = 1 ^ 'a';  // the child "a" of a root whose children are at 1

std::string error_on(const std::string& model) {
  return input_error_of([&] { read_sentencepiece_model("x.model", model); });
}

TEST(SentencePieceFile, AcceptsTheTablesThatSentencePieceHas) {
  class Words : public sentencepiece::SentenceIterator {
   public:
    bool done() const override { return read_ == 10; }
    void Next() override { ++read_; }
    const std::string& value() const override { return sentence_; }
    sentencepiece::util::Status status() const override { return {}; }

   private:
    int read_ = 0;
    std::string sentence_ = "a small text to train on";
  };
  for (const std::string rule : {"nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "identity"}) {
    for (const std::string type : {"unigram", "bpe", "char"}) {
      Words words;
      std::string model;
      ASSERT_TRUE(sentencepiece::SentencePieceTrainer::Train({{"normalization_rule_name", rule},
                                                              {"model_type", type},
                                                              {"vocab_size", "30"},
                                                              {"hard_vocab_limit", "false"},
                                                              {"minloglevel", "2"}},
                                                             &words, &model)
                      .ok())
          << rule << " " << type;
      EXPECT_EQ(error_on(model), "") << rule << " " << type;
      if (rule == "identity") continue;
      // The same model with its table cut, which SentencePiece itself takes.
      EXPECT_THAT(error_on(model.substr(0, model.size() / 2)), HasSubstr("cut off"));
    }
  }
}

TEST(SentencePieceFile, AcceptsATableOfOneKey) {
  EXPECT_EQ(error_on(model_with_table(
                {{0, offset(1)}, {kA, offset(kA ^ 2) | kHasValue | 'a'}, {2, kValue}})),
            "");
}

TEST(SentencePieceFile, RefusesATableThatLeadsOutOfItself) {
  const auto expect_refused = [](const std::vector<std::pair<size_t, uint32_t>>& units,
                                 const std::string& texts = std::string("b\0", 2)) {
    EXPECT_THAT(error_on(model_with_table(units, texts)),
                HasSubstr("x.model: expected a SentencePiece model, but found a damaged table"));
  };
  const std::pair<size_t, uint32_t> root = {0, offset(1)};
  const std::pair<size_t, uint32_t> a = {kA, offset(kA ^ 2) | kHasValue | 'a'};
  expect_refused({{0, offset(1000)}});                               // children beyond the end
  expect_refused({root, {kA, offset(5000) | 'a'}});                  // of a child
  expect_refused({root, a, {2, kValue | 2}});                        // a value beyond the texts
  expect_refused({root, a, {2, kValue}}, "b");                       // texts without an end
  expect_refused({root, a, {2, kValue}}, std::string("\xff\0", 2));  // texts that are not UTF-8
  expect_refused({root, a, {2, kValue | 1}}, std::string("\xc3\xa9\0", 3));  // inside a character
  expect_refused({root, {kA, offset(kA ^ 1) | 'a'}});  // "aaaa..." without end
  EXPECT_THAT(error_on(field(3, field(2, "abc"))), HasSubstr("a damaged table"));
  EXPECT_THAT(error_on(field(5, field(2, "abc"))), HasSubstr("a damaged table"));
}

TEST(SentencePieceFile, RefusesMoreNestedKeysThanSentencePieceHasRoomFor) {
  // The keys "\x01", "\x01\x01", ...: the children of the n-th stand at 4 (n + 1), as does its
  // value.
  const auto chain = [](uint32_t length) {
    std::vector<std::pair<size_t, uint32_t>> units = {{0, offset(4)}};
    for (uint32_t n = 1; n <= length; ++n) {
      const uint32_t place = (4 * n) ^ 1, children = 4 * (n + 1);
      units.push_back({place, offset(place ^ children) | kHasValue | 1});
    }
    return model_with_table(units);
  };
  EXPECT_EQ(error_on(chain(32)), "");
  EXPECT_THAT(error_on(chain(33)), HasSubstr("a damaged table"));
}

TEST(SentencePieceFile, RefusesPiecesThatNoTextHolds) {
  EXPECT_EQ(error_on(piece("a", -1.5f) + piece("b", 0)), "");
  EXPECT_THAT(error_on(piece("", 0)), HasSubstr("a piece that is empty"));
  EXPECT_THAT(error_on(piece(std::string("a\0b", 3), 0)), HasSubstr("a NUL byte"));
  EXPECT_THAT(error_on(piece("\xff", 0)), HasSubstr("is not UTF-8"));
  EXPECT_THAT(error_on(field(1, "")), HasSubstr("a piece without text"));
  for (const float score :
       {std::numeric_limits<float>::quiet_NaN(), 2e9f, -std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(error_on(piece("a", score)), HasSubstr("whose score is no number"));
  }
}

TEST(SentencePieceFile, RefusesWhatIsNoMessage) {
  EXPECT_THAT(error_on("\x0a"), HasSubstr("a field that is cut off"));
  EXPECT_THAT(error_on("\x0a\x05"), HasSubstr("a field that is cut off"));
  EXPECT_THAT(error_on("\x0b"), HasSubstr("a field of no known kind"));
  EXPECT_THAT(error_on(std::string("\x00", 1)), HasSubstr("a field without a number"));
  EXPECT_THAT(error_on(std::string(11, '\xff')), HasSubstr("more than ten bytes"));
  EXPECT_THAT(error_on("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
              HasSubstr("a field that is cut off"));
}

}  // namespace sentencepiece_file_test
}  // namespace madx
